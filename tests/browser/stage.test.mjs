// The stage as a picture to look around in: many nodes, a crowd of them, zoom, one Service alone, one packet followed, and the
// row of an Ingress that decided.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { visit } from "./page.mjs";

const site = visit();

/** An environment of so many nodes, with a Service in it. */
async function nodes(lab, count) {
  const lines = Array.from({ length: count }, (_, i) => `    - {name: n${String(i + 1).padStart(2, "0")}, address: 192.168.50.${i + 11}, podCIDR: 10.244.${i + 1}.0/24}`);
  await lab.edit(`apiVersion: kubehop.dev/v1\nkind: Lab\nmetadata: {name: many}\nspec:\n  profile: multinode\n  nodes:\n${lines.join("\n")}\n`);
  await lab.until("kubectl get nodes --no-headers", (text) => text.trim().split("\n").length === count);
  await lab.run("kubectl create deployment web --image=hello:1.0 --replicas=3 --port=9090");
  await lab.run("kubectl expose deployment web --port=9090 --type=NodePort");
  await lab.until("kubectl get endpoints web", (text) => (text.match(/10\.244/g) ?? []).length === 3);
}

/** What the stage shows, and the edges of it all beside its own. */
const scale = (lab) => lab.at("stage").evaluate((stage) => stage.clientWidth / stage.querySelector("svg.stage").viewBox.baseVal.width);
const rooms = (lab) => lab.page.locator("[data-testid=stage] [data-node]").evaluateAll((all) => all.map((room) => room.dataset.node));

/** The middle of the selected packet's ring in the stage, in pixels; null where it is out of sight. */
const ring = (lab) =>
  lab.at("stage").evaluate((stage) => {
    const canvas = stage.querySelector("canvas");
    const accent = getComputedStyle(canvas).getPropertyValue("--accent").trim();
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(accent.slice(i, i + 2), 16));
    const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < data.length; i += 4)
      if (data[i + 3] > 200 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 12) return { x: (i / 4) % width, y: Math.floor(i / 4 / width) };
    return null;
  });

describe("the stage", () => {
  test("eight nodes are drawn in full, and of twelve the rest is one room with a list", async () => {
    const lab = await site.open();
    await nodes(lab, 8);
    assert.deepEqual(await rooms(lab), ["n01", "n02", "n03", "n04", "n05", "n06", "n07", "n08"]);
    assert.equal(await lab.page.locator("[data-crowd]").count(), 0);
    const inside = await lab.at("stage").evaluate((stage) => {
      const frame = stage.getBoundingClientRect();
      return [...stage.querySelectorAll("[data-node]")].every((room) => {
        const { left, right, top } = room.getBoundingClientRect();
        return left >= frame.left && right <= frame.right && top >= frame.top;
      });
    });
    assert.ok(inside, "all rooms are in the stage");
    await nodes(lab, 12);
    assert.equal((await rooms(lab)).length, 7);
    const crowd = lab.page.locator("[data-crowd]");
    assert.match(await crowd.textContent(), /5 more nodes/);
    await crowd.click({ position: { x: 20, y: 12 } });
    const menu = lab.page.locator("[popover]:popover-open");
    await menu.waitFor();
    assert.match(await menu.innerText(), /n12/);
    await lab.close();
  });

  test("the keys zoom the picture and bring it back", async () => {
    const lab = await site.open();
    await lab.at("stage").focus();
    const usual = await scale(lab);
    for (let i = 0; i < 4; i++) await lab.page.keyboard.press("+");
    assert.ok((await scale(lab)) > usual * 2);
    await lab.page.keyboard.press("0");
    assert.ok(Math.abs((await scale(lab)) - usual) < 0.001);
    await lab.close();
  });

  test("one Service stands alone until Escape", async () => {
    const lab = await site.open();
    await lab.run("kubectl create deployment other --image=hello:1.0 --port=9090");
    await lab.run("kubectl expose deployment other --port=9090");
    await lab.run("kubectl create deployment web --image=hello:1.0 --replicas=2 --port=9090");
    await lab.run("kubectl expose deployment web --port=9090");
    await lab.until("kubectl get endpoints", (text) => (text.match(/:9090/g) ?? []).length >= 3);
    const pale = () => lab.page.locator("[data-pod].pale").evaluateAll((all) => all.map((pod) => pod.dataset.pod.split("/")[1].split("-")[0]));
    assert.deepEqual(await pale(), []);
    await lab.at("kinds").click();
    await lab.at("alone").check();
    assert.deepEqual(await pale(), ["other"]);
    await lab.page.keyboard.press("Escape");
    // Another Service is chosen: others step back.
    await lab.page.locator(".reach [data-object='Service/default/other']").evaluate((button) => button.click());
    await lab.page.waitForTimeout(200);
    await lab.at("stage").focus();
    await lab.page.keyboard.press("Escape");
    assert.deepEqual(await pale(), []);
    await lab.close();
  });

  test("a picture larger than its frame goes with the selected packet", async () => {
    const lab = await site.open();
    await lab.run("kubectl create deployment web --image=hello:1.0 --port=9090");
    await lab.run("kubectl expose deployment web --port=9090 --type=NodePort");
    await lab.until("kubectl get endpoints web", (text) => /:9090/.test(text));
    await lab.at("kinds").click();
    await lab.at("follow").check();
    await lab.page.keyboard.press("Escape");
    await lab.at("stage").focus();
    for (let i = 0; i < 7; i++) await lab.page.keyboard.press("+");
    await lab.at("speed").selectOption("0.25");
    await lab.run(`curl -s ${(await lab.run("minikube service web --url")).trim()}/api/hello`);
    for (let i = 0; i < 6; i++) {
      await lab.page.waitForTimeout(400);
      assert.ok(await ring(lab), `the packet is in sight at look ${i}`);
    }
    await lab.close();
  });

  test("the row of an Ingress that decided is lit while its hop is shown", async () => {
    const lab = await site.open();
    await lab.run("minikube addons enable ingress");
    await lab.run("kubectl create deployment web --image=hello:1.0 --port=9090");
    await lab.run("kubectl expose deployment web --port=9090");
    await lab.run("kubectl create ingress shop --class=nginx --rule=/api/hello=web:9090 --rule=/other=web:9090");
    await lab.until("kubectl get ingress shop", (text) => text.includes("192.168.49.2"), 60_000);
    await lab.until("curl -s http://192.168.49.2/api/hello", (text) => text.includes("say Hello"));
    await lab.at("stage").focus();
    await lab.page.keyboard.press("1");
    await lab.at("inspector").locator("[data-hop]").filter({ hasText: /route|rule/ }).first().locator("button").click();
    await lab.page.locator("[data-ingress='default/shop'] .row.on").waitFor({ state: "attached" });
    assert.match(await lab.page.locator("[data-ingress='default/shop'] g:has(> .row.on)").textContent(), /\/api\/hello/);
    await lab.close();
  });
});
