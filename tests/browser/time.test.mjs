// Time in the reader's hand: the cluster goes back with its packets, and comes forward to now.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { phone, small, visit } from "./page.mjs";

const site = visit();

const endpoints = "kubectl get endpoints test-svc-cluster";
const three = (text) => (text.match(/10\.244\.\d+\.\d+/g) ?? []).length === 3;

/** Three pods behind a Service; nine requests that are answered; a pod dies, and another takes its place; one request fails. */
async function live(lab) {
  await lab.run("kubectl apply -f deploy.yaml -f svc.yaml");
  await lab.until(endpoints, three);
  const [, ip] = (await lab.run("kubectl get svc test-svc-cluster")).match(/ClusterIP\s+(\S+)/);
  const url = `http://${ip}:9090/api/hello`;
  await lab.run(`trace -n 9 --from node/minikube ${url}`);
  const [killed, address] = (await lab.run("kubectl get pod -o wide --no-headers")).split("\n")[0].split(/\s+/).filter((_, i) => i === 0 || i === 5);
  await lab.run(`kubectl delete pod ${killed} --now`);
  await lab.until(endpoints, (text) => three(text) && !text.includes(address));
  await lab.run(`curl -m 1 ${url}`);
  return { url, killed, address };
}

const press = async (lab, ...keys) => {
  await lab.page.evaluate(() => document.activeElement?.blur());
  for (const key of keys) await lab.page.keyboard.press(key);
};

/** Goes back step by step until what is said of the past satisfies `wanted`. */
async function back(lab, wanted) {
  for (let i = 0; i < 60; i++) {
    await press(lab, "<");
    if ((await lab.at("past").isVisible()) && wanted.test(await lab.at("past").innerText())) return;
  }
  assert.fail(`no step of ${wanted}`);
}

const pods = (lab) => lab.page.locator("[data-pod]").evaluateAll((all) => all.map((pod) => pod.dataset.pod.split("/")[1]).sort());
const hop = (lab) => lab.at("inspector").locator("[data-hop]:has([aria-current])").getAttribute("data-hop");
const picture = (lab) => lab.page.locator("svg.stage").innerHTML();

describe("going back in time", { timeout: 180_000 }, () => {
  let lab, story;
  before(async () => {
    lab = await site.open();
    story = await live(lab);
  });
  after(() => lab?.close());

  test("a killed pod is there again when one looks back, and its rules are", async () => {
    assert.ok(!(await pods(lab)).includes(story.killed));
    const now = await pods(lab);
    await back(lab, /9 answered/);
    assert.match(await lab.at("past").innerText(), /You look at \d\d:\d\d of \d\d:\d\d: 9 answered · trace -n 9/);
    assert.ok((await pods(lab)).includes(story.killed));
    await lab.choose('[data-object="Service/default/test-svc-cluster"]');
    await lab.at("rules").locator("summary").click();
    await lab.at("rules").locator("li").first().waitFor();
    assert.ok((await lab.at("rules").innerText()).includes(story.address), "its rules are there");
    await lab.shot("time-1-past");
    await lab.at("to-now").click();
    assert.equal(await lab.at("past").isVisible(), false);
    assert.deepEqual(await pods(lab), now);
    assert.ok(!(await lab.at("rules").innerText()).includes(story.address), "its rules are gone");
  });

  test("the same moment draws the same picture, from whichever side one comes", async () => {
    await back(lab, /9 answered/);
    await press(lab, "Home");
    const there = await picture(lab);
    await press(lab, "<", "<", ">", ">");
    assert.equal(await picture(lab), there);
    await lab.at("to-now").click();
    await back(lab, /9 answered/);
    await press(lab, "Home");
    assert.equal(await picture(lab), there);
  });

  test("a step before a batch is the one before it, at its end", async () => {
    await press(lab, ".");
    await press(lab, ".");
    const on = Number(await hop(lab));
    await press(lab, ",");
    assert.equal(Number(await hop(lab)), on - 1);
    for (let i = 1; i < on; i++) await press(lab, ",");
    assert.doesNotMatch(await lab.at("past").innerText(), /9 answered/);
    await press(lab, ".");
    assert.match(await lab.at("past").innerText(), /9 answered/);
    assert.equal(await hop(lab), "1");
  });

  test("the strip is a range with words: the arrow keys go along it", async () => {
    const strip = lab.at("history");
    await strip.focus();
    const at = Number(await strip.inputValue());
    await lab.page.keyboard.press("ArrowRight");
    assert.equal(Number(await strip.inputValue()), at + 1);
    assert.ok((await strip.getAttribute("aria-valuetext")).length > 8);
    await lab.page.keyboard.press("End");
    assert.equal(await lab.at("past").isVisible(), false);
    assert.match(await strip.getAttribute("aria-valuetext"), /^now/);
  });

  test("from failure to failure, at the hop that failed", async () => {
    await lab.run(`kubectl scale deployment test-deployment --replicas=0`);
    // Pods that are ending still answer where no other does.
    await lab.until("kubectl get pod", (text) => text.includes("No resources"), 60_000);
    await lab.run(`trace -n 3 --from node/minikube ${story.url}`);
    await lab.run("kubectl get namespaces");
    await press(lab, "[");
    assert.match(await lab.at("past").innerText(), /3 failed/);
    assert.match(await lab.at("inspector").locator("[data-hop]:has([aria-current])").innerText(), /refuse/);
    await lab.shot("time-2-failure");
    await press(lab, "[");
    assert.match(await lab.at("past").innerText(), /1 failed · curl/);
    assert.match(await lab.at("inspector").locator("[data-hop]:has([aria-current])").innerText(), /drop/);
    await lab.at("failure-after").click();
    assert.match(await lab.at("past").innerText(), /3 failed/);
    await press(lab, "]");
    assert.match(await lab.page.locator(".notice").innerText(), /No later failure/);
    await lab.at("to-now").click();
  });

  test("the speed has keys, and the buttons stay where they are", async () => {
    const places = () => lab.page.locator(".ctl button, .ctl select, .hist button").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().x));
    const before = await places();
    const speeds = [];
    for (const key of ["+", "+", "+", "+", "-", "="]) {
      await press(lab, key);
      speeds.push(await lab.at("speed").inputValue());
    }
    assert.deepEqual(speeds, ["2", "5", "10", "10", "5", "10"]);
    assert.deepEqual(await places(), before);
  });

  test("playing goes on through what followed, to now", async () => {
    await back(lab, /9 answered/);
    await press(lab, "Home");
    const [, at] = (await lab.at("past").innerText()).match(/look at (\d\d:\d\d)/);
    await press(lab, " ");
    const met = new Set();
    const end = Date.now() + 40_000;
    while (await lab.at("past").isVisible()) {
      met.add((await lab.at("past").innerText().catch(() => "")).replace(/ of .*/s, ""));
      assert.ok(Date.now() < end, [...met].join(" | "));
      await lab.page.waitForTimeout(60);
    }
    assert.ok(met.size > 2, [...met].join(" | "));
    assert.ok([...met].every((text) => !/\d\d:\d\d/.test(text) || text.match(/\d\d:\d\d/)[0] >= at));
    assert.match(await lab.at("when").innerText(), /^now/);
  });

  test("a command in the past is given to the present, and says so", async () => {
    await back(lab, /9 answered/);
    assert.match(await lab.run("kubectl get deployment"), /0\/0/);
    assert.match(await lab.page.locator(".notice").innerText(), /Back to now/);
    assert.equal(await lab.at("past").isVisible(), false);
  });

  test("one can go on from a moment, and undo brings back what came later", async () => {
    await back(lab, /9 answered/);
    await lab.at("go-on-from-here").click();
    assert.equal(await lab.at("past").isVisible(), false);
    assert.match(await lab.run("kubectl get pod -o name"), new RegExp(story.killed));
    await lab.at("undo").click();
    await lab.at("undo").click();
    await lab.page.waitForTimeout(100);
    assert.match(await lab.run("kubectl get deployment"), /0\/0/);
  });

  test("a session that is read again can be looked back at, too", async () => {
    await lab.page.waitForTimeout(600);
    await lab.page.reload();
    await lab.page.locator("[data-testid=editor] .cm-content").waitFor({ state: "attached" });
    await lab.page.waitForTimeout(500);
    await back(lab, /9 answered/);
    assert.ok((await pods(lab)).includes(story.killed));
    await lab.at("to-now").click();
  });

  test("a session of hundreds of commands goes back at once", async () => {
    for (let i = 0; i < 8; i++) await lab.run(`for i in $(seq 50); do kubectl annotate svc test-svc-cluster n=$i --overwrite; done`);
    for (let i = 0; i < 40; i++) await lab.run(`kubectl annotate svc test-svc-cluster m=${i} --overwrite`);
    const took = await lab.at("history").evaluate(async (strip) => {
      const times = [];
      const last = Number(strip.max);
      for (let i = 0; i < 12; i++) {
        const to = Math.floor((last * ((i * 7) % 12)) / 12);
        const start = performance.now();
        strip.value = String(to);
        strip.dispatchEvent(new Event("input", { bubbles: true }));
        await new Promise((done) => setTimeout(done));
        times.push(performance.now() - start);
      }
      return times.sort((a, b) => a - b)[6];
    });
    console.log(`      a step of ${await lab.at("history").getAttribute("max")} in ${took.toFixed(0)} ms (median)`);
    assert.ok(took < 100, `${took} ms`);
    await lab.at("to-now").click();
  });
});

describe("how the strip looks", { timeout: 120_000 }, () => {
  for (const [name, how] of Object.entries({ light: {}, dark: { theme: "dark" }, "zh-1024": { lang: "zh", viewport: small }, "phone-zh-dark": { viewport: phone, lang: "zh", theme: "dark" }, calm: { reducedMotion: "reduce" } })) {
    test(`${name}: nothing for axe to complain about, nothing cut off`, async () => {
      const lab = await site.open(how);
      if (how.viewport === phone) await lab.at("tab-terminal").click();
      await live(lab);
      if (how.viewport === phone) await lab.at("tab-stage").click();
      await lab.page.waitForTimeout(600);
      await back(lab, /9 (answered|个得到应答)/);
      await lab.page.waitForTimeout(300);
      await lab.shot(`time-look-${name}`);
      const problems = await lab.axe();
      const over = await lab.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (over > 0) problems.push(`the page is ${over}px wider than its window`);
      assert.deepEqual([...new Set(problems)], []);
      await lab.close();
    });
  }
});
