// Every part of the stage by finger, by key and on small screens.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { phone, small, visit, wide } from "./page.mjs";

const site = visit();

/** What part of the picture is to be seen, in its units, and how large a unit is. */
const sight = (lab) =>
  lab.at("stage").evaluate((stage) => {
    const { x, y, width, height } = stage.querySelector("svg.stage").viewBox.baseVal;
    return { x, y, width, height, scale: stage.clientWidth / width };
  });

/** Fingers on the stage, by the browser's own touch input: each step is where all of them are. */
async function fingers(lab, steps) {
  const { x, y } = await lab.at("stage").boundingBox();
  const client = await lab.page.context().newCDPSession(lab.page);
  const points = (step) => step.map(([dx, dy], id) => ({ x: x + dx, y: y + dy, id }));
  await client.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: points(steps[0]) });
  for (const step of steps.slice(1)) await client.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: points(step) });
  await client.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await client.detach();
  await lab.page.waitForTimeout(150);
}
/** From one distance of two fingers to another, around a point. */
const pinch = (lab, from, to, [x, y] = [190, 150]) =>
  fingers(lab, Array.from({ length: 9 }, (_, i) => from + ((to - from) * i) / 8).map((apart) => [[x - apart / 2, y], [x + apart / 2, y]]));

async function web(lab, replicas = 3) {
  await lab.run(`kubectl create deployment web --image=hello:1.0 --replicas=${replicas} --port=9090`);
  await lab.run("kubectl expose deployment web --port=9090 --type=NodePort");
  await lab.until("kubectl get deployment web", (text) => text.includes(`${replicas}/${replicas}`), 60_000);
}

const ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  rules:
    - http:
        paths:
          - path: /api
            pathType: Prefix
            backend: {service: {name: web, port: {number: 9090}}}
          - path: /cart
            pathType: Prefix
            backend: {service: {name: other, port: {number: 80}}}
`;

describe("reach", { timeout: 300_000 }, () => {
  test("on a phone two fingers zoom, one moves, a tap still chooses, and the page itself stays", async () => {
    const lab = await site.open({ viewport: phone, editor: false });
    await lab.at("tab-terminal").click();
    await web(lab);
    await lab.at("tab-stage").click();
    const usual = await sight(lab);
    await pinch(lab, 60, 180);
    const near = await sight(lab);
    assert.ok(Math.abs(near.scale / usual.scale - 3) < 0.35, `three times as far apart is three times as large: ${near.scale / usual.scale}`);
    // What was between the fingers is still there.
    const under = (sight) => [sight.x + 190 / sight.scale, sight.y + 150 / sight.scale];
    for (const i of [0, 1]) assert.ok(Math.abs(under(near)[i] - under(usual)[i]) < 6, `${under(usual)} ${under(near)}`);
    await fingers(lab, [[[200, 150]], [[180, 150]], [[120, 110]]]);
    const aside = await sight(lab);
    assert.ok(Math.abs(aside.x - near.x - 80 / near.scale) < 2, "the picture goes with the finger");
    assert.equal(await lab.page.evaluate(() => visualViewport.scale), 1, "the page is not zoomed");
    // Together again, and further: no smaller than all of it.
    await pinch(lab, 260, 20);
    await pinch(lab, 260, 20);
    const whole = await sight(lab);
    assert.ok(whole.width >= usual.width - 1 && whole.scale >= usual.scale * 0.5);
    const all = await lab.at("stage").evaluate((stage) => {
      const frame = stage.getBoundingClientRect();
      return [...stage.querySelectorAll("[data-node], [data-pod]")].every((it) => it.getBoundingClientRect().bottom <= frame.bottom + 1);
    });
    assert.ok(all, "all of it is in sight");
    const pod = lab.page.locator("[data-pod*=web-]").first();
    const name = (await pod.getAttribute("data-pod")).split("/")[1];
    await pod.tap({ force: true });
    assert.match(await lab.at("inspector").innerText(), new RegExp(name));
    // One finger alone can do it, too.
    await lab.page.locator(".zoom button").nth(1).tap();
    assert.ok((await sight(lab)).scale > whole.scale * 1.2);
    await lab.close();
  });

  test("of 200 pods each can be read on a phone", async () => {
    const lab = await site.open({ viewport: phone, editor: false });
    await lab.at("tab-terminal").click();
    await web(lab, 200);
    await lab.at("tab-stage").click();
    for (let i = 0; i < 3; i++) await pinch(lab, 50, 200);
    const read = await lab.at("stage").evaluate((stage) => {
      const frame = stage.getBoundingClientRect();
      const words = [...stage.querySelectorAll("[data-pod] text.name")].map((text) => text.getBoundingClientRect());
      return words.filter((box) => box.height >= 10 && box.left > frame.left && box.right < frame.right && box.top > frame.top && box.bottom < frame.bottom).length;
    });
    assert.ok(read > 0, "names of pods are as high as a line of small type");
    await lab.close();
  });

  test("the parts of rules and the rows of an Ingress: by click and by key, each with its line", async () => {
    const lab = await site.open();
    await web(lab);
    await lab.edit(ingress);
    const lit = () => lab.page.locator("[data-testid=editor] .cm-line.cm-cause").allInnerTexts();
    const rows = lab.page.locator("[data-cause]");
    await rows.last().click();
    await lab.page.waitForTimeout(300);
    assert.match(await lab.at("told").innerText(), /spec\.rules\[0\]\.http\.paths\[1\]/);
    assert.match((await lit()).join(), /path: \/cart/);
    assert.equal(await lab.page.locator(".rules .mine").count(), 1);
    assert.ok(await lab.page.locator("rect.lit").count(), "the row is lit");
    // By keys: the third list of the stage.
    await lab.page.keyboard.press("Escape");
    await lab.page.locator(".reach [data-object]").first().focus();
    await lab.page.keyboard.press("Tab");
    const now = () => lab.page.evaluate(() => document.activeElement.innerText);
    await lab.page.waitForTimeout(50);
    assert.match(await now(), /Service web: :3\d{4}, spec/);
    assert.ok(await lab.page.locator(".held").count(), "what the keyboard is at is ringed");
    await lab.page.keyboard.press("End");
    await lab.page.keyboard.press("ArrowUp");
    assert.match(await now(), /Ingress shop: \/api Prefix/);
    await lab.page.keyboard.press("Enter");
    await lab.page.waitForTimeout(300);
    assert.match(await lab.at("told").innerText(), /spec\.rules\[0\]\.http\.paths\[0\]/);
    assert.match((await lit()).join(), /path: \/api/);
    // Packets and objects are ringed likewise.
    await lab.page.keyboard.press("Shift+Tab");
    await lab.page.waitForTimeout(80);
    assert.match(await lab.page.evaluate(() => document.activeElement.dataset.object), /Service/);
    assert.ok(await lab.page.locator(".held").count());
    await lab.close();
  });

  test("while one Service stands alone, wires and tables of others step back", async () => {
    const lab = await site.open();
    await lab.run("kubectl create deployment other --image=hello:1.0 --port=9090");
    await lab.run("kubectl expose deployment other --port=80 --target-port=9090");
    await web(lab, 2);
    await lab.edit(ingress);
    await lab.choose("[data-object='Service/default/web']");
    const pale = () => lab.at("stage").evaluate((stage) => [stage.querySelectorAll("path.wire.pale").length, stage.querySelectorAll(".sheet .pale").length]);
    assert.deepEqual(await pale(), [0, 0]);
    await lab.at("kinds").click();
    await lab.at("alone").check();
    assert.deepEqual(await pale(), [1, 1], "one wire, and the row to the other Service");
    await lab.close();
  });

  test("a probe says whose it is when pointed at", async () => {
    const lab = await site.open();
    await lab.edit(`apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: hello
          image: hello:1.0
          ports: [{containerPort: 9090}]
          readinessProbe: {periodSeconds: 2, httpGet: {port: 9090, path: /api/hello}}
`);
    await lab.run("kubectl expose deployment web --port=9090");
    await lab.until("kubectl get deployment web", (text) => text.includes("1/1"));
    await lab.at("kinds").click();
    await lab.page.locator("[data-kind='4']").check();
    await lab.page.keyboard.press("Escape");
    const door = await lab.page.locator("[data-pod*=web-] .door").boundingBox();
    let said = "";
    for (let i = 0; i < 80 && !said; i++) {
      await lab.page.mouse.move(door.x + door.width / 2 + (i % 2), door.y - 6);
      said = await lab.at("stage").locator(".words").innerText();
      await lab.page.waitForTimeout(60);
    }
    assert.match(said, /readiness probe: kubelet of minikube → web-/);
    await lab.close();
  });

  test("on a phone the editor says what the caret's field does, and the list of hops keeps up", async () => {
    const lab = await site.open({ viewport: phone });
    await lab.at("tab-terminal").click();
    await lab.run("kubectl apply -f deploy.yaml -f svc.yaml");
    await lab.until("kubectl get deployment", (text) => text.includes("3/3"));
    await lab.at("tab-yaml").click();
    await lab.file("svc.yaml");
    await lab.page.locator(".cm-line", { hasText: "selector" }).click();
    await lab.page.waitForTimeout(300);
    const said = await lab.at("at-caret").innerText();
    assert.match(said, /spec\.selector/);
    assert.ok(said.length > 40, said);
    await lab.at("caret-to-stage").click();
    assert.ok(await lab.at("stage").isVisible());
    await lab.at("traffic-from").selectOption("node/minikube");
    await lab.at("traffic-send").click();
    await lab.page.waitForTimeout(500);
    await lab.at("stage").focus();
    await lab.page.keyboard.press("Home");
    const list = lab.at("inspector").locator(".hl");
    const moved = await list.evaluate((list) => {
      const sheet = list.closest(".panel");
      sheet.scrollTop += list.getBoundingClientRect().top - sheet.getBoundingClientRect().top;
      return sheet.scrollTop;
    });
    assert.ok(moved > 0, "the sheet is what scrolls");
    const count = await list.locator("[data-hop]").count();
    for (let i = 1; i < count; i++) {
      await lab.at("step-forward").click();
      await lab.page.waitForTimeout(60);
      const seen = await list.evaluate((list) => {
        const [row, sheet] = [list.querySelector(".now"), list.closest(".panel")].map((it) => it.getBoundingClientRect());
        return row.top >= sheet.top - 1 && row.bottom <= sheet.bottom + 1;
      });
      assert.ok(seen, `hop ${i + 1} is in sight`);
    }
    // Who picks a hop reads of it.
    await list.locator("[data-hop]").nth(1).locator("button").click();
    assert.equal(await list.evaluate((list) => list.closest(".panel").scrollTop), 0);
    await lab.close();
  });

  test("while the stage shows the past, editor and Diagnose say that they speak of now", async () => {
    const lab = await site.open();
    await web(lab);
    assert.equal(await lab.at("of-now").first().isVisible(), false);
    await lab.at("stage").focus();
    await lab.page.keyboard.press("<");
    await lab.page.waitForTimeout(200);
    assert.ok(await lab.at("past").isVisible(), "the stage shows the past");
    assert.match(await lab.page.locator(".edit [data-testid=of-now]").innerText(), /as it is now/);
    await lab.at("panel-tab-diagnose").click();
    await lab.at("diagnose").locator("[data-testid=of-now] button").click();
    await lab.page.waitForTimeout(100);
    assert.equal(await lab.at("past").isVisible(), false);
    await lab.close();
  });

  for (const [viewport, scenarios] of [
    // Three rules on each of three nodes in two zones are smaller than small type in a small window.
    [small, [["nodeport", 10], ["clusterip", 10], ["source-kept", 10], ["lb-cloud", 8.4]]],
    [wide, [["lb-cloud", 10], ["source-kept", 10], ["nodeport", 10]]],
  ]) {
    test(`three nodes are in sight and can be read at ${viewport.width} by ${viewport.height}`, async () => {
      for (const [scenario, least] of scenarios) {
        const lab = await site.open({ viewport, query: `&scenario=${scenario}` });
        await lab.page.locator("[data-node]").nth(2).waitFor({ state: "attached" });
        await lab.page.waitForTimeout(1500);
        const { inside, type } = await lab.at("stage").evaluate((stage) => {
          const frame = stage.getBoundingClientRect();
          const within = ({ left, right, top, bottom }) => left >= frame.left - 1 && right <= frame.right + 1 && top >= frame.top - 1 && bottom <= frame.bottom + 1;
          const scale = stage.clientWidth / stage.querySelector("svg.stage").viewBox.baseVal.width;
          return { inside: [...stage.querySelectorAll("[data-node], [data-pod]")].every((it) => within(it.getBoundingClientRect())), type: 12 * scale };
        });
        assert.ok(inside, `${scenario}: all nodes and pods are in sight`);
        assert.ok(type >= least, `${scenario}: type is ${type.toFixed(1)} pixels high`);
        await lab.close();
      }
    });
  }

  test("nothing of the controls is cut off at 1024 by 768", async () => {
    for (const lang of ["en", "zh"]) {
      const lab = await site.open({ viewport: small, lang, query: "&scenario=no-endpoints" });
      await lab.page.waitForTimeout(1200);
      const cut = await lab.page.evaluate(() =>
        [...document.querySelectorAll(".foot .switch span:last-child, .foot [role=status], .foot .btn, .ptabs button, .ptabs, .traffic .btn, .traffic select")]
          .filter((it) => it.getClientRects().length && (it.scrollWidth > it.clientWidth + 1 || it.getBoundingClientRect().right > innerWidth))
          .map((it) => it.className + it.textContent.slice(0, 30)),
      );
      assert.deepEqual(cut, []);
      await lab.close();
    }
  });
});
