// The first story, played in the page as a learner plays it: a Deployment, a ClusterIP Service, and all the ways in
// which its packets reach the replicas or miss them. Pictures of each step go to target/screenshots/.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { phone, small, visit } from "./page.mjs";

const site = visit();

const endpoints = "kubectl get endpoints test-svc-cluster";
const addresses = (text) => [...text.matchAll(/10\.244\.\d+\.\d+/g)].map(([address]) => address).sort();
const answered = (text) => [...new Set([...text.matchAll(/(\S+) say Hello!/g)].map(([, pod]) => pod))];

/** Applies the lesson's two files with the button, and waits for three endpoints. */
async function begin(lab) {
  for (const name of ["deploy.yaml", "svc.yaml"]) {
    await lab.file(name);
    await lab.at("apply").click();
  }
  const text = await lab.until(endpoints, (text) => addresses(text).length === 3);
  const [, address] = (await lab.run("kubectl get svc test-svc-cluster")).match(/ClusterIP\s+(\S+)\s+<none>\s+9090\/TCP/);
  return { text, address, url: `http://${address}:9090/api/hello` };
}

describe("the story of a ClusterIP Service", { timeout: 180_000 }, () => {
  let lab, start;
  before(async () => {
    lab = await site.open();
    start = await begin(lab);
  });
  after(() => lab?.close());

  test("a Service gets an address, and its endpoints are its pods", async () => {
    assert.match(start.text, /^Warning: v1 Endpoints is deprecated in v1\.33\+; use discovery\.k8s\.io\/v1 EndpointSlice\n/);
    assert.match(start.address, /^10\.(9[6-9]|10\d|11[01])\./);
    const pods = await lab.run("kubectl get pod -o wide");
    assert.equal(pods.match(/1\/1\s+Running/g).length, 3);
    assert.deepEqual(addresses(pods), addresses(start.text));
    await lab.page.waitForTimeout(500);
    await lab.shot("story-1-endpoints");
  });

  test("from the laptop the cluster IP does not answer", async () => {
    assert.match(await lab.run(`curl -m 2 ${start.url}`), /curl: \(28\)/);
    await lab.page.waitForTimeout(600);
    await lab.shot("story-2-laptop");
  });

  test("from the node all three pods answer, at random", async () => {
    await lab.run("minikube ssh");
    const said = await lab.run(`for i in $(seq 20); do curl -s ${start.url}; done`);
    await lab.page.waitForTimeout(900);
    await lab.shot("story-3-node");
    await lab.run("exit");
    assert.equal(said.match(/say Hello!/g).length, 20);
    assert.equal(answered(said).length, 3);
  });

  test("a trace names the rules and the fields behind them", async () => {
    const text = await lab.run(`trace --from node/minikube ${start.url}`);
    for (const part of ["KUBE-SVC-", "KUBE-SEP-", "Service/default/test-svc-cluster", "spec.ports[0]"]) assert.ok(text.includes(part), `${part} in\n${text}`);
  });

  test("a packet tells its hops, and a hop shows its line of YAML", async () => {
    await lab.file("deploy.yaml");
    const id = await lab.page.locator("[data-packet]").evaluateAll((all) => Math.max(...all.map((button) => Number(button.dataset.packet))));
    await lab.choose(`[data-packet="${id}"]`);
    const hops = lab.at("inspector").locator("[data-hop]");
    await hops.filter({ hasText: "DNAT" }).first().click();
    assert.ok((await hops.count()) >= 6, "the way there and the way back");
    await lab.at("cause").first().click();
    await lab.page.locator("[data-testid=editor] .cm-line.cm-cause").first().waitFor();
    assert.equal(await lab.at("file-svc.yaml").getAttribute("aria-selected"), "true");
    assert.match(await lab.page.locator("[data-testid=editor] .cm-line.cm-cause").first().innerText(), /port|selector|name/i);
    await lab.shot("story-4-why");
  });

  test("the clock steps through the hops, forward and back", async () => {
    const hop = () => lab.at("inspector").locator("[data-hop]:has([aria-current])").getAttribute("data-hop");
    const first = Number(await hop());
    await lab.at("step-forward").click();
    assert.equal(Number(await hop()), first + 1);
    await lab.at("step-back").click();
    assert.equal(Number(await hop()), first);
  });

  test("a broken selector: no endpoints, refused at once", async () => {
    await lab.file("svc.yaml");
    const good = await lab.text();
    await lab.edit(good.replace("app: test-label", "app: test-lable"));
    assert.match(await lab.until(endpoints, (text) => text.includes("<none>")), /test-svc-cluster\s+<none>/);
    assert.match(await lab.run(`minikube ssh -- curl ${start.url}`), /curl: \(7\)/);
    const told = await lab.run(`trace --from node/minikube ${start.url}`);
    assert.match(told, /refused/);
    assert.match(told, /spec\.selector/);
    await lab.page.waitForTimeout(900);
    await lab.shot("story-5-selector");
    await lab.edit(good);
    await lab.until(endpoints, (text) => addresses(text).length === 3);
  });

  test("a wrong targetPort: the pod refuses", async () => {
    await lab.file("svc.yaml");
    const good = await lab.text();
    await lab.edit(good.replace("targetPort: 9090", "targetPort: 8080"));
    await lab.until(endpoints, (text) => text.includes(":8080"));
    const told = await lab.run(`trace --from node/minikube ${start.url}`);
    assert.match(told, /refused at pod\/default\/test-deployment-/);
    assert.match(told, /targetPort/);
    await lab.page.waitForTimeout(900);
    await lab.shot("story-6-target-port");
    await lab.edit(good);
    await lab.until(endpoints, (text) => text.includes(":9090"));
  });

  test("a pod that fails its readiness probe leaves the endpoints and stays Running", async () => {
    const pod = (await lab.run("kubectl get pod -o name")).split("\n")[0].replace("pod/", "");
    await lab.choose(`[data-object*="${pod}"]`);
    await lab.at("fault-readiness").click();
    const left = await lab.until(endpoints, (text) => addresses(text).length === 2);
    assert.match(await lab.run(`kubectl get pod ${pod}`), /0\/1\s+Running\s+0/);
    const said = await lab.run(`minikube ssh -- 'for i in $(seq 20); do curl -s ${start.url}; done'`);
    assert.equal(answered(said).length, 2, left);
    assert.ok(!answered(said).includes(pod));
    await lab.page.waitForTimeout(900);
    await lab.shot("story-7-not-ready");
    await lab.at("fault-readiness").click();
    await lab.until(endpoints, (text) => addresses(text).length === 3);
  });

  test("a killed pod's replacement joins, and five replicas answer", async () => {
    const old = (await lab.run("kubectl get pod -o name")).trim().split("\n");
    await lab.run(`kubectl delete ${old[0]}`);
    await lab.until("kubectl get pod -o name", (text) => !text.includes(old[0]) && text.trim().split("\n").length === 3);
    await lab.until(endpoints, (text) => addresses(text).length === 3);
    await lab.run("kubectl scale deployment test-deployment --replicas=5");
    await lab.until("kubectl get deployment test-deployment", (text) => text.includes("5/5"));
    const said = await lab.run(`minikube ssh -- 'for i in $(seq 40); do curl -s ${start.url}; done'`);
    assert.equal(answered(said).length, 5);
    await lab.page.waitForTimeout(900);
    await lab.shot("story-8-five");
  });

  test("undo takes the last command back, reset all of them", async () => {
    await lab.at("undo").click();
    await lab.at("reset").click();
    assert.equal(await lab.run("kubectl get deployment"), "No resources found in default namespace.\n");
    await lab.file("svc.yaml");
    assert.match(await lab.text(), /test-svc-cluster/);
    await lab.shot("story-9-reset");
  });
});

describe("how it looks", { timeout: 180_000 }, () => {
  for (const [name, how] of Object.entries({
    light: {},
    dark: { theme: "dark" },
    zh: { lang: "zh" },
    "zh-dark": { lang: "zh", theme: "dark" },
    "1024": { viewport: small },
    phone: { viewport: phone },
    "phone-zh-dark": { viewport: phone, lang: "zh", theme: "dark" },
  })) {
    test(`${name}: nothing for axe to complain about, nothing cut off`, async () => {
      const lab = await site.open(how);
      const isPhone = how.viewport === phone;
      const tab = (id) => isPhone && lab.at(`tab-${id}`).click();
      if (!isPhone) {
        const { url } = await begin(lab);
        await lab.run(`trace -n 3 --from node/minikube ${url}`);
      } else {
        await tab("terminal");
        await lab.run("kubectl apply -f deploy.yaml -f svc.yaml");
        await lab.until(endpoints, (text) => addresses(text).length === 3);
        const [, address] = (await lab.run("kubectl get svc test-svc-cluster")).match(/ClusterIP\s+(\S+)/);
        await lab.run(`trace -n 3 --from node/minikube http://${address}:9090/api/hello`);
      }
      await lab.page.waitForTimeout(1500);
      const problems = [];
      for (const pane of isPhone ? ["lesson", "yaml", "stage", "terminal"] : [""]) {
        if (pane) await tab(pane);
        await lab.page.waitForTimeout(300);
        await lab.shot(["look", name, pane].filter(Boolean).join("-"));
        problems.push(...(await lab.axe()));
        const over = await lab.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (over > 0) problems.push(`the page is ${over}px wider than its window`);
      }
      assert.deepEqual([...new Set(problems)], []);
      await lab.close();
    });
  }
});
