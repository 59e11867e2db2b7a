// Why: the caret's field lights what it affects, a hop leads to its line and back, a part of the picture to its field.
// Pictures go to target/screenshots/.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { phone, visit, web } from "./page.mjs";

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
      targetPort: 9090
      nodePort: 30000
---
apiVersion: v1
kind: Service
metadata: {name: typo}
spec:
  selector: {app: wep}
  ports:
    - port: 80
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: edge}
spec:
  ingressClassName: nginx
  rules:
    - http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: web-np, port: {number: 9090}}}}
`;

/** Opens the page with the manifest applied and three pods ready. */
async function begin(options) {
  const lab = await site.open({ query: "&profile=multinode&seed=3", ...options });
  if (options?.viewport === phone) await lab.at("tab-yaml").click();
  await lab.edit(manifest);
  if (options?.viewport === phone) await lab.at("tab-terminal").click();
  await lab.until("kubectl get pod", (text) => (text.match(/1\/1\s+Running/g) ?? []).length === 3);
  return lab;
}

/** Puts the caret into the line of a text, as a reader does who has only keys. */
async function caret(lab, text) {
  const lines = (await lab.text()).split("\n");
  const line = lines.findIndex((line) => line.includes(text));
  assert.ok(line >= 0, text);
  await lab.page.locator("[data-testid=editor] .cm-content").focus();
  await lab.page.keyboard.press("Control+Home");
  for (let n = 0; n < line; n++) await lab.page.keyboard.press("ArrowDown");
  await lab.page.keyboard.press("End");
  await lab.page.waitForTimeout(250);
}

const lit = (lab) =>
  lab.page.locator("svg.stage .lit").evaluateAll((all) => ({
    boxes: all.filter((e) => e.matches("rect:not(.dashed)")).length,
    pills: all.filter((e) => e.matches("rect.dashed")).length,
    rings: all.filter((e) => e.matches("circle")).length,
    wires: all.filter((e) => e.matches("path:not(.dashed)")).length,
  }));
const told = (lab) => lab.at("told").locator(".why").textContent();
const chosen = (lab) => lab.page.locator(".insp .object").getAttribute("data-object");

describe("from a field to all it affects", () => {
  test("the caret lights pods, wires, candidates and pills on every node, and says why", async () => {
    const lab = await begin();
    await caret(lab, "selector: {app: web}");
    assert.deepEqual(await lit(lab), { boxes: 3, pills: 0, rings: 9, wires: 3 });
    assert.equal(await told(lab), "This selector picks 3 pods. kube-proxy writes one rule for each ready one in the kernels of all 3 nodes.");
    assert.equal(await lab.at("told-said").textContent(), await told(lab), "and those who do not see it hear it");
    assert.equal(await chosen(lab), "Service/default/web-np");
    await lab.shot("why-selector");
    // By the keyboard alone, line by line.
    for (const _ of [1, 2]) await lab.page.keyboard.press("ArrowDown");
    await lab.page.waitForTimeout(250);
    assert.deepEqual(await lit(lab), { boxes: 0, pills: 6, rings: 1, wires: 0 });
    assert.match(await told(lab), /a packet carries this port until DNAT rewrites it/);
    await lab.page.keyboard.press("ArrowDown");
    await lab.page.waitForTimeout(250);
    assert.deepEqual(await lit(lab), { boxes: 3, pills: 0, rings: 9, wires: 0 });
    assert.match(await told(lab), /In 3 of 3 pods a program listens there/);
    await lab.page.keyboard.press("ArrowDown");
    await lab.page.waitForTimeout(250);
    assert.deepEqual(await lit(lab), { boxes: 0, pills: 3, rings: 0, wires: 0 });
    // The kernels show the rules of the Service that the caret is in.
    await caret(lab, "selector: {app: wep}");
    assert.match(await told(lab), /none has the labels app=wep/);
    assert.match(await lab.page.locator("svg.stage").textContent(), /reject/);
    await caret(lab, "replicas: 3");
    assert.equal((await lit(lab)).boxes, 3);
    assert.equal(await chosen(lab), "Deployment/default/web");
    // Issue 4: an Ingress is selected by its YAML.
    await caret(lab, "ingressClassName");
    assert.equal(await chosen(lab), "Ingress/default/edge");
    assert.match(await told(lab), /There is no IngressClass nginx/);
    assert.match(await lab.at("ingress-reader").textContent(), /paper/);
    assert.deepEqual(await lab.axe(), []);
    await lab.close();
  });

  test("one accent: the caret takes it, the packet gets it back", async () => {
    const lab = await begin();
    await lab.at("traffic-count").selectOption("1");
    await caret(lab, "selector: {app: web}");
    await lab.at("traffic-send").click();
    await lab.page.waitForTimeout(300);
    assert.equal(await lab.page.locator("svg.stage .lit").count(), 0, "new packets have it");
    await lab.at("step-forward").click();
    await lab.page.waitForTimeout(100);
    const card = () => lab.page.locator(".words .card").count();
    assert.equal(await card(), 1);
    await caret(lab, "nodePort: 30000");
    assert.equal(await card(), 0, "the caret has it");
    assert.equal((await lit(lab)).pills, 3);
    // The packet carries the port that the field says.
    assert.equal(await lab.page.locator("svg.stage text.von.over").textContent(), "192.168.49.2:30000");
    await lab.shot("why-accent");
    await lab.at("step-forward").click();
    await lab.page.waitForTimeout(150);
    assert.equal(await lab.page.locator("svg.stage .lit").count(), 0, "a step gives it back");
    assert.equal(await card(), 1);
    // An object that is chosen on the stage has it, too.
    await caret(lab, "nodePort: 30000");
    await lab.choose('[data-object="Node//minikube"], [data-object="Node/minikube"]');
    await lab.page.waitForTimeout(100);
    assert.equal(await lab.page.locator("svg.stage .lit").count(), 0);
    assert.equal(await chosen(lab), "Node/minikube");
    await lab.close();
  });
});

describe("from a hop to its line, and back", () => {
  test("the cause leads to the line, its note leads back to the hop", async () => {
    const lab = await begin();
    await lab.at("traffic-count").selectOption("1");
    await lab.at("traffic-send").click();
    await lab.page.waitForTimeout(300);
    // To the hop where the address is rewritten.
    const row = lab.page.locator(".hl li", { hasText: "DNAT" }).first();
    await row.locator("button").click();
    const hop = await row.getAttribute("data-hop");
    await lab.at("cause").and(lab.page.locator("button")).first().click();
    const line = lab.page.locator("[data-testid=editor] .cm-line.cm-cause");
    await line.waitFor();
    const note = line.locator("button.cm-note");
    assert.equal(await note.textContent(), `hop ${hop}`);
    assert.equal(await lab.page.locator("svg.stage .lit").count(), 0, "the hop keeps the accent");
    await lab.page.waitForTimeout(400);
    // Somewhere else, and back by the note.
    await lab.at("step-forward").click();
    await lab.page.locator(`.hl li[data-hop="${hop}"] button`).click();
    await caret(lab, "replicas: 3");
    await lab.page.locator(".insp .object").waitFor();
    await note.click();
    await lab.page.locator(`.hl li.now[data-hop="${hop}"]`).waitFor();
    // The same by the keyboard: the inspector has the way back.
    await caret(lab, (await line.textContent()).replace(/hop.*$/, "").trim());
    await lab.at("back-to-hop").focus();
    await lab.page.keyboard.press("Enter");
    await lab.page.locator(`.hl li.now[data-hop="${hop}"]`).waitFor();
    assert.equal(await lab.page.locator("svg.stage .lit").count(), 0);
    await lab.close();
  });

  test("a part of the picture names its field and its line", async () => {
    const lab = await begin();
    const pill = lab.page.locator("svg.stage [data-cause] rect").first();
    await pill.hover({ force: true });
    assert.match(await lab.at("stage").getAttribute("title"), /Service .*: spec\.ports\[0\]\.\w+\n.*line \d+/);
    await caret(lab, "nodePort: 30000");
    await pill.hover({ force: true });
    assert.equal(await lab.at("stage").getAttribute("title"), "Service web-np: spec.ports[0].nodePort\ndeploy.yaml, line 22");
    await caret(lab, "replicas: 3");
    await lab.page.locator("svg.stage [data-pod]").first().hover({ force: true });
    assert.match(await lab.at("stage").getAttribute("title"), /^web-.*\nDeployment web: spec\.template.*\ndeploy\.yaml, line \d+$/);
    await pill.click({ force: true });
    await lab.page.waitForTimeout(150);
    assert.equal((await lit(lab)).pills, 3);
    await lab.at("told-line").click();
    await lab.page.waitForTimeout(200);
    const at = await lab.page.locator("[data-testid=editor] .cm-content").evaluate((content) => {
      const { state } = content.cmTile.view;
      return state.doc.lineAt(state.selection.main.head).text;
    });
    assert.match(at, /nodePort: 30000/);
    await lab.close();
  });
});

describe("what a change changed", () => {
  const marks = (lab) => lab.page.locator("svg.stage .chg").count();
  const entry = (lab, nth = 0) => lab.at("altered").locator("article").nth(nth);
  const sentences = (lab, nth = 0) => entry(lab, nth).locator("li").evaluateAll((all) => all.map((li) => li.innerText.replace(/\s+/g, " ")));

  test("an edit is marked for a moment, and listed with its line and its rules", async () => {
    const lab = await begin();
    await lab.page.waitForTimeout(3000);
    await lab.edit(manifest.replace("nodePort: 30000", "nodePort: 30007"));
    assert.ok((await marks(lab)) >= 3, "the port on every node");
    assert.ok((await lab.page.locator("svg.stage .sig.came").count()) >= 3);
    assert.ok(Number(await lab.at("panel-tab-changes").locator(".fresh").textContent()) >= 2, "the tab counts what came");
    await lab.shot("why-changed");
    await lab.at("panel-tab-changes").click();
    assert.equal(await entry(lab).locator("h3 span").textContent(), "deploy.yaml applied");
    const told = await sentences(lab);
    assert.ok(told.includes("+ Port 30007 is open on every node, for Service web-np. deploy.yaml, line 22"), told.join("\n"));
    assert.ok(told.includes("− Port 30000 is closed on every node. deploy.yaml, line 22"), told.join("\n"));
    assert.equal(await lab.at("panel-tab-changes").locator(".fresh").count(), 0, "and they are seen");
    assert.match(await lab.at("altered-said").textContent(), /^deploy.yaml applied: Port 30007/);
    await entry(lab).locator("summary").click();
    const rules = await entry(lab).locator(".out").innerText();
    assert.match(rules, /^− -A KUBE-NODEPORTS .*--dport 30000 /m);
    assert.match(rules, /^\+ -A KUBE-NODEPORTS .*--dport 30007 /m);
    await lab.page.waitForTimeout(2800);
    assert.equal(await marks(lab), 0, "a moment is over");
    // A sentence leads to its place, the line to the editor.
    await entry(lab).locator("[data-testid=change]", { hasText: "Port 30007" }).click();
    assert.equal(await marks(lab), 3);
    await entry(lab).locator(".at").first().click();
    await lab.page.waitForTimeout(300);
    assert.match(await lab.page.evaluate(() => document.activeElement.className), /cm-content/);
    assert.deepEqual(await lab.axe(), []);
    await lab.close();
  });

  test("what follows by itself joins the entry of what caused it", async () => {
    const lab = await begin();
    await lab.at("panel-tab-changes").click();
    await lab.run("kubectl scale deployment web --replicas=5");
    await lab.page.waitForFunction(() => /pick among 5 pods instead of 3/.test(document.querySelector(".altered article")?.innerText ?? ""));
    const told = await sentences(lab);
    assert.match(told[0], /^≠ Deployment web: spec.replicas was 3, is 5\./);
    assert.match(told[1], /^\+ 2 pods of Deployment web \(web-.*\) are new, ready\./);
    assert.match(told[2], /^\+ Service web-np has 2 new endpoints: /);
    assert.equal(await entry(lab).locator("h3 span").textContent(), "$ kubectl scale deployment web --replicas=5");
    // A selector that matches nothing: endpoints go, every kernel refuses.
    await lab.edit(manifest.replace("selector: {app: web}\n  ports", "selector: {app: wob}\n  ports"));
    await lab.page.waitForFunction(() => /the kernel refuses connections to Service web-np/.test(document.querySelector(".altered article")?.innerText ?? ""));
    await lab.page.locator("button", { hasText: "Undo" }).first().click();
    await lab.page.waitForFunction(() => /^Taken back/.test(document.querySelector(".altered article")?.innerText ?? ""));
    assert.match((await sentences(lab)).join("\n"), /Service web-np has \d new endpoints/);
    await lab.close();
  });

  test("with less motion, marks stay until the next change", async () => {
    const lab = await begin({ reducedMotion: "reduce" });
    await lab.edit(manifest.replace("nodePort: 30000", "nodePort: 30007"));
    await lab.page.waitForTimeout(3200);
    assert.ok((await marks(lab)) >= 3);
    await lab.close();
  });
});

test("in Chinese, on a phone", async () => {
  const lab = await begin({ lang: "zh", viewport: phone });
  await lab.at("tab-yaml").click();
  await caret(lab, "selector: {app: web}");
  await lab.at("tab-stage").click();
  assert.match(await told(lab), /这个选择算符选中 3 个 Pod/);
  assert.equal((await lit(lab)).boxes, 3);
  await lab.shot("why-phone-zh");
  assert.deepEqual(await lab.axe(), []);
  await lab.close();
});
