// Every type of Service in the page: from the laptop through a node's door, a mistake told at its field, nodes that go
// dark under traffic, another environment and back. Pictures go to target/screenshots/.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { phone, small, visit, web } from "./page.mjs";

const site = visit();

const manifest = `${web()}---
apiVersion: v1
kind: Service
metadata: {name: web-np}
spec:
  type: NodePort
  selector: {app: web}
  ports:
    - port: 9090
      nodePort: 30000
`;
const types = `---
apiVersion: v1
kind: Service
metadata: {name: balanced}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 80, targetPort: 9090}]
---
apiVersion: v1
kind: Service
metadata: {name: headless}
spec:
  clusterIP: None
  selector: {app: web}
  ports: [{port: 9090}]
---
apiVersion: v1
kind: Service
metadata: {name: away}
spec: {type: ExternalName, externalName: db.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: local}
spec:
  type: NodePort
  externalTrafficPolicy: Local
  sessionAffinity: ClientIP
  selector: {app: web}
  ports: [{port: 80, targetPort: 9090, nodePort: 30080}]
`;

const ready = (lab, count) => lab.until("kubectl get pod", (text) => (text.match(/1\/1\s+Running/g) ?? []).length === count);
const stage = (lab) => lab.page.locator("svg.stage").innerHTML();
const service = (lab, name) => lab.choose(`[data-object="Service/default/${name}"]`);
/** Sends what the row says, and waits until all of it has come to an end. */
async function send(lab, count) {
  await lab.at("traffic-count").selectOption(String(count));
  await lab.at("traffic-send").click();
  await lab.page.waitForTimeout(700);
  await lab.page.locator("[data-testid=stage]").focus();
  await lab.page.keyboard.press("End");
  await lab.page.waitForTimeout(150);
}
const answers = async (lab) => (await lab.at("inspector").locator(".stat").innerText()).replaceAll("\n", " ");

describe("Services of every type", { timeout: 240_000 }, () => {
  let lab;
  before(async () => {
    lab = await site.open({ query: "&profile=multinode" });
    await lab.edit(manifest);
    await ready(lab, 3);
  });
  after(() => lab?.close());

  test("from the laptop by a node's port: any node answers, and both rewrites are told", async () => {
    await service(lab, "web-np");
    assert.equal(await lab.at("traffic-url").inputValue(), "http://192.168.49.2:30000/api/hello");
    await send(lab, 9);
    assert.match(await answers(lab), /status 200 9/);
    await lab.page.keyboard.press("1");
    const hops = await lab.at("inspector").locator("[data-hop]").allInnerTexts();
    assert.ok(hops.some((hop) => hop.includes("DNAT to 10.244.")), hops.join("\n"));
    assert.ok(hops.some((hop) => hop.includes("SNAT to 192.168.49.2")), hops.join("\n"));
    await lab.at("inspector").locator("[data-hop]").filter({ hasText: "DNAT" }).click();
    await lab.page.waitForTimeout(300);
    await lab.shot("services-1-node-port");
  });

  test("the row tells the same as curl, from every place", async () => {
    await lab.at("traffic-from").selectOption("node/minikube-m02");
    await lab.at("traffic-more").click();
    await lab.at("traffic-headers").fill("Host: shop.example");
    const line = await lab.at("traffic-curl").innerText();
    assert.match(line, /^for i in \$\(seq 9\); do minikube ssh -n minikube-m02 -- curl -s -m 2 -H 'Host: shop\.example' http:\/\/10\.\S+:9090\/api\/hello; done$/);
    await lab.page.keyboard.press("Escape");
    assert.match(await lab.run(line), /(say Hello![\s\S]*){9}/);
    await lab.at("traffic-from").selectOption("laptop");
  });

  test("over a connection that is kept one pod answers all", async () => {
    await lab.at("traffic-more").click();
    await lab.at("traffic-keep-alive").check();
    await lab.page.keyboard.press("Escape");
    await send(lab, 9);
    const counts = (await lab.at("inspector").locator(".bars b").allInnerTexts()).map(Number);
    assert.deepEqual(counts.filter((n) => n > 0), [9], `counts ${counts}`);
    await lab.at("traffic-more").click();
    await lab.at("traffic-keep-alive").uncheck();
    await lab.page.keyboard.press("Escape");
  });

  test("a node is stopped under traffic from the stage's menu, by keys, and comes back", async () => {
    const node = lab.page.locator('[data-object="Node/minikube-m03"]');
    await node.focus();
    await node.dispatchEvent("contextmenu", { bubbles: true, cancelable: true, clientX: 0, clientY: 0 });
    await lab.at("menu").waitFor();
    const item = () => lab.page.evaluate(() => document.activeElement?.textContent);
    assert.equal(await item(), "Inspect");
    for (let i = 0; i < 9 && (await item()) !== "Stop node"; i++) await lab.page.keyboard.press("ArrowDown");
    await lab.page.keyboard.press("Enter");
    await lab.page.waitForTimeout(200);
    assert.match(await stage(lab), /turned off/);
    await lab.at("traffic-url").fill("http://192.168.49.4:30000/api/hello");
    await send(lab, 1);
    assert.match(await answers(lab), /unreachable 1/);
    await lab.at("traffic-url").fill("");
    await lab.shot("services-2-dark-node");
    await node.evaluate((button) => button.click());
    await lab.at("fault-stop").click();
    await lab.page.waitForTimeout(200);
    assert.doesNotMatch(await stage(lab), /turned off/);
  });

  test("a cut link is told at both ends and loses packets on the way", async () => {
    await lab.choose('[data-object="Node/minikube"]');
    await lab.at("fault-cut-minikube-m02").click();
    await lab.page.waitForTimeout(200);
    assert.equal((await stage(lab)).match(/no link to/g)?.length, 2);
    await lab.at("fault-cut-minikube-m02").click();
    await lab.page.waitForTimeout(200);
    assert.doesNotMatch(await stage(lab), /no link to/);
  });

  test("the words of a fifth replica stay in its box while a packet goes there", async () => {
    await lab.run("kubectl scale deployment web --replicas=5");
    await ready(lab, 5);
    await service(lab, "web-np");
    const moved = await lab.page.locator("svg.stage g.pod:has(.rep.e)").evaluate((pod) => {
      const name = pod.querySelector("text.name");
      const before = name.getBoundingClientRect().x;
      pod.classList.add("aim", "e");
      return name.getBoundingClientRect().x - before;
    });
    assert.equal(moved, 0);
    await lab.run("kubectl scale deployment web --replicas=3");
    await ready(lab, 3);
  });

  test("each type is drawn as what it is", async () => {
    await lab.edit(manifest + types);
    await lab.run("kubectl get svc");
    for (const [name, seen, ring] of [
      ["balanced", /EXTERNAL-IP[\s\S]*&lt;pending&gt;/, /LoadBalancer[\s\S]*<pending>[\s\S]*NodePort[\s\S]*ClusterIP/],
      ["headless", /its name means[\s\S]*/, /headless[\s\S]*DNS answers/],
      ["away", /db\.example\.com/, /ExternalName[\s\S]*db\.example\.com/],
      ["local", /this node only/, /NodePort[\s\S]*:30080[\s\S]*client's address stays/],
    ]) {
      await service(lab, name);
      await lab.page.waitForTimeout(200);
      assert.match(await stage(lab), seen, name);
      assert.match(await lab.at("inspector").locator(".object").innerText(), ring, name);
      await lab.shot(`services-3-${name}`);
    }
    assert.deepEqual(await lab.axe(), []);
  });

  test("a Service's rules stand in the inspector in both modes, and lead to the file", async () => {
    await service(lab, "web-np");
    const rules = lab.at("rules");
    await rules.locator("summary").click();
    await rules.getByText("--dport 30000 -j KUBE-EXT-").waitFor();
    await lab.at("rules-nftables").click();
    await rules.getByText("tcp . 30000 : goto external-").first().waitFor();
    await rules.locator("li").filter({ hasText: "tcp . 30000 : goto" }).getByTestId("cause").click();
    await lab.page.locator("[data-testid=editor] .cm-activeLine, [data-testid=editor] .cm-line").filter({ hasText: "nodePort: 30000" }).first().waitFor();
    await lab.choose('[data-object="Node/minikube-m02"]');
    await lab.at("node-rules").locator("summary").click();
    await lab.at("node-rules").locator("input").fill("--dport 30000");
    const found = await lab.at("node-rules").locator("pre").innerText();
    assert.equal(found.trim().split("\n").length, 1, found);
    await lab.shot("services-4-rules");
  });

  test("another environment starts anew; undo brings this one back", async () => {
    const before = await lab.run("kubectl get pod -o name");
    await lab.at("environment").click();
    await lab.at("mode-nftables").check();
    await lab.at("profile-minikube").check();
    assert.deepEqual(await lab.axe(), []);
    await lab.shot("services-5-environment");
    await lab.at("start-anew").click();
    assert.match(await lab.run("kubectl get node"), /^NAME\s.*\nminikube\s+Ready\s+control-plane\s+\S+\s+\S+\n$/);
    assert.match(await lab.run("minikube ssh -- sudo nft list ruleset"), /table ip kube-proxy/);
    // The two lines first, then the environment itself.
    for (let i = 0; i < 3; i++) await lab.at("undo").click();
    assert.match(await lab.at("environment").innerText(), /multinode[\s\S]*iptables/);
    assert.equal(await lab.run("kubectl get pod -o name"), before);
  });
});

describe("ways in from outside", { timeout: 240_000 }, () => {
  const tubes = (lab) => lab.page.locator("svg.stage path.tube.stands").count();

  test("a port-forward is a tunnel to one pod, until Ctrl-C", async () => {
    const lab = await site.open({ query: "&profile=multinode" });
    await lab.edit(manifest);
    await ready(lab, 3);
    await lab.run("kubectl port-forward svc/web-np 9091:9090");
    await lab.page.waitForTimeout(200);
    assert.equal(await tubes(lab), 1);
    assert.match(await stage(lab), />9091</);
    await lab.at("traffic-url").fill("http://localhost:9091/api/hello");
    await send(lab, 9);
    const counts = (await lab.at("inspector").locator(".bars b").allInnerTexts()).map(Number);
    assert.deepEqual(counts.filter((n) => n > 0), [9], `no balancing: ${counts}`);
    await lab.shot("services-7-port-forward");
    await lab.at("terminal-input").focus();
    await lab.page.keyboard.press("Control+c");
    await lab.page.waitForTimeout(200);
    assert.equal(await tubes(lab), 0);
    await lab.close();
  });

  test("minikube tunnel fills the empty socket", async () => {
    const lab = await site.open({ query: "&profile=minikube" });
    await lab.edit(manifest + types);
    await ready(lab, 3);
    await service(lab, "balanced");
    assert.match(await stage(lab), /&lt;pending&gt;/);
    await lab.run("minikube tunnel");
    await lab.page.waitForTimeout(1500);
    const drawn = await stage(lab);
    assert.doesNotMatch(drawn, /&lt;pending&gt;/);
    assert.match(drawn, /EXTERNAL-IP[\s\S]*10\.\d+\.\d+\.\d+[\s\S]*minikube tunnel/);
    assert.equal(await tubes(lab), 1);
    await send(lab, 9);
    assert.match(await answers(lab), /status 200 9/);
    await lab.shot("services-8-minikube-tunnel");
    await lab.close();
  });

  test("in a cloud the firewall drops what comes straight, and the balancer's address answers", async () => {
    const lab = await site.open({ query: "&lesson=loadbalancer" });
    for (const name of ["deploy.yaml", "svc-lb.yaml"]) {
      await lab.file(name);
      await lab.at("apply").click();
    }
    await lab.until("kubectl get svc", (text) => text.includes("198.51.100."));
    await lab.page.waitForTimeout(300);
    assert.match(await stage(lab), /load balancer[\s\S]*198\.51\.100\.\d+/);
    await lab.at("traffic-from").selectOption("internet");
    await lab.at("traffic-url").fill("http://192.0.2.11:30080/api/hello");
    await send(lab, 1);
    assert.match(await answers(lab), /timed out 1/);
    assert.match(await lab.at("inspector").innerText(), /firewall/);
    await lab.shot("services-9-firewall");
    await service(lab, "test-svc-lb");
    assert.deepEqual(await lab.at("health").locator("tr").allInnerTexts().then((rows) => rows.map((row) => row.replace(/\s+/g, " ").trim())), ["node-a1 healthy", "node-a2 healthy", "node-b1 healthy"]);
    await lab.page.keyboard.press("1");
    await lab.at("traffic-url").fill("");
    await send(lab, 9);
    assert.match(await answers(lab), /status 200 9/);
    await lab.shot("services-10-balancer");
    await lab.close();
  });
});

describe("a mistake that tutorials print", { timeout: 120_000 }, () => {
  test("a nodePort in a ClusterIP is refused at its field, and explained in both languages", async () => {
    for (const [lang, hint] of [["en", /only Services of type NodePort or LoadBalancer/], ["zh", /NodePort/]]) {
      const lab = await site.open({ lang, query: "&lesson=nodeport" });
      await lab.file("svc-np.yaml");
      await lab.at("apply").click();
      const problems = lab.at("diagnostics");
      await problems.getByText("spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'").waitFor();
      assert.match(await problems.locator(".hint").innerText(), hint);
      assert.match(await problems.locator(".snip").innerText(), /nodePort: 30000/);
      assert.ok((await lab.page.locator("[data-testid=editor] .cm-lintRange-error").count()) > 0, "underlined");
      await lab.shot(`services-6-forbidden-${lang}`);
      await lab.close();
    }
  });
});

describe("how Services look", { timeout: 240_000 }, () => {
  for (const [name, how] of Object.entries({
    "cloud": { query: "&profile=cloud" },
    "cloud-dark-zh": { query: "&profile=cloud", theme: "dark", lang: "zh" },
    "cloud-1024": { query: "&profile=cloud", viewport: small },
    "cloud-phone": { query: "&profile=cloud", viewport: phone },
    "lesson-nodeport-zh": { query: "&lesson=nodeport", lang: "zh" },
  })) {
    test(`${name}: nothing for axe to complain about, nothing cut off`, async () => {
      const lab = await site.open(how);
      if (how.viewport === phone) await lab.at("tab-terminal").click();
      await lab.run("kubectl create deployment web --image=hello:1.0 --replicas=3");
      await lab.run("kubectl expose deployment web --type=LoadBalancer --port=80 --target-port=9090");
      await ready(lab, 3);
      await lab.page.waitForTimeout(1500);
      if (how.viewport === phone) await lab.at("tab-stage").click();
      await lab.at("traffic-send").click();
      await lab.page.waitForTimeout(1800);
      await lab.shot(`services-look-${name}`);
      const over = await lab.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `the page is ${over}px wider than its window`);
      assert.deepEqual([...new Set(await lab.axe())], []);
      await lab.close();
    });
  }
});
