// Diagnose: a broken selector is found, its fix is accepted, and the request is answered.
import assert from "node:assert/strict";
import { test } from "node:test";
import { phone, visit } from "./page.mjs";

const site = visit();

const service = (selector, more = "") => `apiVersion: v1
kind: Service
metadata:
  name: test-svc-cluster
spec:
  selector:
    app: ${selector} # who is meant
  ports:
    - port: 9090
${more}`;

/** Applies the lesson's files, the Service with another text. */
async function begin(options, text) {
  const lab = await site.open(options);
  const touch = options?.viewport === phone;
  if (touch) await lab.at("tab-yaml").click();
  for (const name of ["deploy.yaml", "client.yaml", "svc.yaml"]) {
    await lab.at(`file-${name}`).click();
    if (name === "svc.yaml") {
      await lab.page.locator("[data-testid=editor] .cm-content").click();
      await lab.page.keyboard.press("Control+a");
      await lab.page.keyboard.insertText(text);
    }
    await lab.at("apply").click();
  }
  if (touch) await lab.at("tab-stage").click();
  return lab;
}

const wanted = (lab, id) => lab.page.locator(`[data-testid=diagnose] [data-id="${id}"]`);
const text = (lab) => lab.page.locator("[data-testid=editor] .cm-content").innerText();

test("a broken selector is found, and its fix makes the request succeed", async () => {
  const lab = await begin({}, service("test-lable"));
  await lab.run("kubectl wait --for=condition=Ready pod --all");
  assert.match(await lab.run("kubectl exec client -- curl -s http://test-svc-cluster:9090/api/hello"), /exit code 7/);
  await lab.at("explained").waitFor();
  await lab.at("explained").getByRole("button").click();
  const found = wanted(lab, "selector-empty");
  await found.waitFor();
  assert.equal(await lab.at("panel-tab-diagnose").getAttribute("aria-selected"), "true");
  assert.equal(await lab.at("diagnose-count").innerText(), "1");
  assert.match(await found.innerText(), /test-lable/);
  assert.match(await found.locator(".diff").innerText(), /app: test-lable[\s\S]*app: test-label/);
  // To its line.
  assert.equal(await found.getByTestId("finding-line").innerText(), "line 7 of svc.yaml");
  await found.getByTestId("finding-line").click();
  assert.equal(await lab.page.evaluate(() => !!document.activeElement.closest(".cm-editor")), true);
  // Accepted: the comment stays, the finding goes, the request is answered.
  await found.getByTestId("finding-fix").click();
  await found.waitFor({ state: "detached" });
  assert.match(await text(lab), /app: test-label # who is meant/);
  await lab.at("diagnose-clean").waitFor();
  await lab.page.waitForTimeout(500);
  assert.match(await lab.run("kubectl exec client -- curl -s http://test-svc-cluster:9090/api/hello"), /say Hello!/);
  // The editor takes it back.
  await lab.page.locator("[data-testid=editor] .cm-content").click();
  await lab.page.keyboard.press("Control+z");
  assert.match(await text(lab), /app: test-lable # who is meant/);
  await wanted(lab, "selector-empty").waitFor({ state: "attached" });
  assert.deepEqual(lab.errors, []);
  await lab.page.context().close();
});

test("the panels are tabs, by keys too, and axe finds nothing", async () => {
  const lab = await begin({}, service("test-label", "      targetPort: 80\n"));
  await lab.at("panel-tab-inspector").focus();
  await lab.page.keyboard.press("ArrowRight");
  const found = wanted(lab, "target-port");
  await found.waitFor();
  assert.equal(await lab.page.evaluate(() => document.activeElement.id), "tab-diagnose");
  assert.deepEqual(await lab.axe(), []);
  // The fix is reached and pressed by keys; the focus stays in the panel.
  await found.getByTestId("finding-fix").focus();
  await lab.page.keyboard.press("Enter");
  await found.waitFor({ state: "detached" });
  assert.match(await text(lab), /targetPort: 9090/);
  await lab.page.waitForFunction(() => document.activeElement.id === "tab-diagnose");
  await lab.page.keyboard.press("Home");
  assert.equal(await lab.at("inspector").isVisible(), true);
  assert.deepEqual(lab.errors, []);
  await lab.page.context().close();
});

test("on a phone and in Chinese", async () => {
  const lab = await begin({ viewport: phone, lang: "zh" }, service("test-lable"));
  await lab.at("panel-tab-diagnose").click();
  const found = wanted(lab, "selector-empty");
  await found.waitFor();
  assert.match(await found.innerText(), /选择算符没有匹配到任何 Pod/);
  assert.equal(await lab.page.evaluate(() => document.scrollingElement.scrollWidth <= innerWidth), true);
  await found.getByTestId("finding-fix").click();
  await found.waitFor({ state: "detached" });
  assert.deepEqual(lab.errors, []);
  await lab.page.context().close();
});
