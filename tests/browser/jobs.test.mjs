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
