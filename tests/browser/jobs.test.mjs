// Programs that hold a terminal: their output is seen as it comes, other terminals go on, Ctrl-C ends them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { visit } from "./page.mjs";

const site = visit();

test("a tunnel holds its terminal; another one uses it; Ctrl-C ends it", async () => {
  const lab = await site.open();
  await lab.run("kubectl create deployment tunnelled --image=hello:1.0");
  await lab.run("kubectl expose deployment tunnelled --port=9090");
  await lab.until("kubectl get deploy tunnelled", (text) => text.includes("1/1"));
  const out = lab.at("terminal-output");
  assert.match(await lab.run("kubectl port-forward svc/tunnelled 9091:9090"), /Forwarding from 127\.0\.0\.1:9091 -> 9090/);
  // A line typed to a program that holds its terminal is no command.
  const blocks = await out.locator(".block").count();
  await lab.at("terminal-input").fill("kubectl get pods");
  await lab.at("terminal-input").press("Enter");
  assert.equal(await out.locator(".block").count(), blocks);
  await lab.at("terminal-input").fill("");
  await lab.at("new-terminal").click();
  assert.match(await lab.run("curl -s localhost:9091/api/hello"), /say Hello!/);
  await lab.page.locator('.tabs:has([data-testid="new-terminal"]) [role="tab"]').first().click();
  await out.getByText("Handling connection for 9091").waitFor();
  await lab.at("terminal-input").press("Control+c");
  await out.getByText("^C").waitFor();
  assert.match(await lab.run("curl -sS localhost:9091/api/hello"), /Failed to connect to localhost port 9091/);
  assert.deepEqual(lab.errors, []);
  await lab.page.context().close();
});

test("what is watched appears as it changes", async () => {
  const lab = await site.open();
  await lab.run("kubectl get deploy -w &");
  await lab.run("kubectl create deployment watched --image=hello:1.0");
  await lab.at("terminal-output").getByText(/watched\s+1\/1/).first().waitFor();
  assert.match(await lab.run("kill %1"), /Terminated\s+kubectl get deploy -w/);
  assert.deepEqual(lab.errors, []);
  await lab.page.context().close();
});

test("traffic goes on, a node dies under it, and it stops when it is told to", async () => {
  const lab = await site.open({ query: "&scenario=nodeport" });
  const { page } = lab;
  const went = async () => (await lab.run("kubectl logs -l app=test-label --tail=-1")).split("\n").filter((line) => line.includes("GET")).length;
  await lab.at("traffic-count").selectOption("5/s");
  const before = await went();
  await lab.at("traffic-send").click();
  await page.waitForFunction(() => document.querySelector("[data-testid=traffic-send]").textContent.includes("Stop"));
  // Batch after batch, with nobody pressing anything.
  await lab.at("inspector").getByText(/^Packet #(1[1-9]|[2-9]\d)/).waitFor({ timeout: 30_000 });
  assert.ok((await went()) - before >= 5);
  await lab.run("fault stop-node minikube-m02");
  await page.locator(".stat", { hasText: /no answer|timed out|unreachable/i }).first().waitFor({ timeout: 60_000 });
  await lab.at("traffic-send").click();
  await page.waitForFunction(() => document.querySelector("[data-testid=traffic-send]").textContent.includes("Start"));
  const after = await went();
  await page.waitForTimeout(1200);
  assert.equal(await went(), after);
  assert.deepEqual(lab.errors, []);
  await page.context().close();
});
