// The cloud's firewall in the page: it is reached by pointer and by keys, counts what stands open, opens and closes ports,
// and a packet that it dropped offers to open its port. Then the same programs behind one Ingress, and the counts beside each other.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { visit } from "./page.mjs";

const site = visit();
let lab;

const exposed = () => lab.at("exposed").innerText();
const send = async () => {
  await lab.at("traffic-send").click();
  await lab.page.waitForTimeout(300);
  await lab.page.locator("[data-testid=stage]").focus();
  await lab.page.keyboard.press("End");
  await lab.page.waitForTimeout(150);
  return (await lab.at("inspector").locator(".stat").innerText()).replaceAll("\n", " ");
};

describe("the firewall", { timeout: 120_000 }, () => {
  before(async () => {
    lab = await site.open({ query: "&scenario=three-doors" });
  });
  after(() => lab?.close());
  test("a dropped packet names it, and offers its port", async () => {
    await lab.page.locator("[data-testid=stage]").focus();
    await lab.page.keyboard.press("End");
    await lab.at("offer-port").waitFor();
    assert.match(await lab.at("inspector").innerText(), /dropped/);
    assert.equal(await lab.at("offer-port").innerText(), "Open port 30003");
  });

  test("it counts doors: every port on every node", async () => {
    await lab.page.locator("svg.stage [data-wall]").click();
    assert.equal(await exposed(), "2 ports on 3 nodes = 6 doors");
    assert.match(await lab.at("firewall-rules").innerText(), /:30001[\s\S]*Service cart[\s\S]*:30002[\s\S]*Service shop/);
    assert.deepEqual(await lab.axe(), []);
    await lab.shot("firewall-1-doors");
  });

  test("a port is opened in the form by keys alone, and closed again", async () => {
    await lab.at("open-ports").focus();
    assert.equal(await lab.at("open-port").isDisabled(), true);
    await lab.page.keyboard.type("30003");
    await lab.page.keyboard.press("Enter");
    await lab.page.waitForTimeout(150);
    assert.equal(await exposed(), "3 ports on 3 nodes = 9 doors");
    assert.match(await send(), /status 200 1/);
    await lab.page.locator('[data-object="Lab/the firewall"]').first().evaluate((button) => button.click());
    await lab.at("close-30003").focus();
    await lab.page.keyboard.press("Enter");
    await lab.page.waitForTimeout(150);
    assert.equal(await exposed(), "2 ports on 3 nodes = 6 doors");
    await lab.at("undo").click();
    assert.equal(await exposed(), "3 ports on 3 nodes = 9 doors");
    assert.match(await lab.run("firewall close 30003"), /is shut/);
    assert.match(await lab.run("firewall list"), /exposed: 2 ports on 3 nodes = 6 doors/);
    assert.match(await send(), /timed out 1/);
    await lab.page.keyboard.press("1");
    await lab.at("offer-port").click();
    await lab.page.waitForTimeout(150);
    assert.match(await send(), /status 200 1/);
  });

  test("the same three behind one Ingress: one address, two ports", async () => {
    await lab.page.locator("button[data-testid=try-2]").click();
    await lab.page.waitForURL(/scenario=one-door/);
    await lab.page.locator('[data-object="Lab/the firewall"]').first().evaluate((button) => button.click());
    assert.equal(await exposed(), "1 load balancer, 2 ports");
    await lab.shot("firewall-2-one-door");
    await lab.page.locator("button[data-testid=try-2]").click();
    await lab.page.waitForURL(/scenario=three-doors/);
  });

  test("where there is no firewall, the command says so", async () => {
    await lab.at("leave-story").click();
    assert.match(await lab.run("firewall open 80"), /no firewall stands before these nodes/);
  });
});
