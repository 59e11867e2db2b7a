// How smoothly the page moves: frame times with 2,000 packets on their way among 200 pods at a quarter of the processor's
// speed, what of them is spent in the page's one thread, long tasks while somebody types, and what is left in memory after tens
// of thousands of requests.
import { remember } from "../tests/browser/memory.mjs";
import { open, wide } from "../tests/browser/page.mjs";

const pods = 200;
const packets = 2000;

/** A Service with so many ready replicas; gives the address of its node port. */
async function service(lab, replicas) {
  await lab.run(`kubectl create deployment web --image=hello:1.0 --replicas=${replicas} --port=9090`);
  await lab.run("kubectl expose deployment web --port=9090 --type=NodePort");
  await lab.until("kubectl get deployment web", (text) => text.includes(`${replicas}/${replicas}`), 120_000);
  return `${(await lab.run("minikube service web --url")).trim()}/api/hello`;
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

/**
 * Frame times in milliseconds, median and 95th percentile, while most of the packets are on their way; and what a frame takes of
 * the page's thread as the browser counts it, which other programs on the machine change less.
 */
export async function frames(chrome, origin) {
  const lab = await open(chrome, origin, { path: "/dist/", viewport: wide });
  const cdp = await lab.page.context().newCDPSession(lab.page);
  const url = await service(lab, pods);
  await lab.run(`for i in $(seq ${packets}); do curl -s -o /dev/null ${url}; done`);
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  // The first has landed and the last has just set off.
  await lab.page.waitForFunction(() => document.querySelector("[data-testid=play]")?.getAttribute("aria-label") === "Pause");
  await lab.page.waitForTimeout(4000);
  await cdp.send("Performance.enable");
  const spent = async () => Object.fromEntries((await cdp.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
  const before = await spent();
  const times = await lab.page.evaluate(
    () =>
      new Promise((done) => {
        const times = [];
        let last = performance.now();
        const look = (now) => {
          times.push(now - last);
          last = now;
          times.length < 240 ? requestAnimationFrame(look) : done(times.slice(1));
        };
        requestAnimationFrame(look);
      }),
  );
  const after = await spent();
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await lab.close();
  const each = (name) => ((after[name] - before[name]) * 1000) / (times.length + 1);
  const sorted = times.sort((a, b) => a - b);
  return { median: at(sorted, 0.5), p95: at(sorted, 0.95), worst: sorted.at(-1), task: each("TaskDuration"), script: each("ScriptDuration") };
}

/** The longest task, in milliseconds, while somebody types into a lesson's manifest that is applied at each key; 0 below 50 ms. */
export async function typing(chrome, origin) {
  const lab = await open(chrome, origin, { path: "/dist/", viewport: wide });
  for (const name of ["deploy.yaml", "svc.yaml"]) {
    await lab.file(name);
    await lab.at("apply").click();
  }
  await lab.page.waitForTimeout(3000);
  await lab.page.evaluate(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
  });
  await lab.page.locator("[data-testid=editor] .cm-content").focus();
  await lab.page.keyboard.press("Control+End");
  await lab.page.keyboard.type("\n# a comment that is typed at a good pace, and more\n", { delay: 60 });
  await lab.page.waitForTimeout(1000);
  const tasks = await lab.page.evaluate(() => window.tasks);
  await lab.close();
  return Math.max(0, ...tasks);
}

/** Megabytes of the page's heap and of the program's memory after 2,000 requests, as many as are kept, and after more. */
export async function memory(chrome, origin) {
  const lab = await open(chrome, origin, { path: "/dist/", viewport: wide });
  const megabytes = await remember(lab);
  const url = await service(lab, 3);
  const held = {};
  let sent = 0;
  for (const count of [2000, 10_000, 20_000, 40_000]) {
    for (; sent < count; sent += 1000) await lab.run(`trace -n 1000 -o json ${url} | wc -l`);
    held[count] = await megabytes();
  }
  await lab.close();
  return held;
}
