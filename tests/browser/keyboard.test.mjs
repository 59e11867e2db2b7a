// The page by keys alone: from the first Tab to the last step of the ClusterIP lesson, nothing is clicked, nothing is
// focused by the test. At every stop the focus can be seen, and every stop can be left.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { phone, visit } from "./page.mjs";

const site = visit();

/** What has the focus: who it is, in which part of the page, and whether one sees it. */
const here = (page) =>
  page.evaluate(async () => {
    await new Promise((done) => setTimeout(done, 15));
    const it = document.activeElement;
    if (!it || it === document.body) return null;
    const part = it.closest(".top, .lesson, .edit, .term, .st")?.classList;
    // Its own outline, or one that the part it stands for draws (the switch, the scrubber, the editor).
    const ringed = (element) => {
      const style = element && getComputedStyle(element);
      return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && !/, 0\)$|transparent/.test(style.outlineColor);
    };
    const ring = [it, it.nextElementSibling, it.parentElement, it.parentElement?.parentElement, it.closest(".cm-editor")].find(ringed);
    const box = ring?.getBoundingClientRect();
    return {
      id: it.dataset.testid ?? it.dataset.packet ?? it.dataset.object ?? "",
      name: (it.getAttribute("aria-label") ?? it.labels?.[0]?.innerText ?? it.innerText).replace(/\s+/g, " ").trim().slice(0, 60),
      part: part ? [...part].find((name) => ["top", "lesson", "edit", "term", "st"].includes(name)) : "border",
      editor: !!it.closest(".cm-content"),
      ring: !!ring,
      inView: !!box && box.width >= 1 && box.height >= 1 && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight,
    };
  });

/** A reader's hands on the keyboard. */
class Hands {
  stops = 0;

  constructor(lab) {
    this.lab = lab;
    this.keys = lab.page.keyboard;
  }

  /** Tab, or Shift and Tab, until what has the focus is it. */
  async to(wanted, key = "Tab") {
    const is = typeof wanted === "function" ? wanted : (stop) => stop.id === wanted;
    const way = [];
    for (let i = 0; i < 150; i++) {
      const before = await here(this.lab.page);
      if (before?.editor && !is(before)) await this.keys.press("Escape");
      await this.keys.press(key);
      const stop = await here(this.lab.page);
      if (!stop) continue;
      this.stops += 1;
      way.push(`${stop.part}: ${stop.id || stop.name}`);
      assert.ok(stop.name, `a stop without a name after ${way.join(", ")}`);
      assert.ok(stop.ring, `the focus cannot be seen at ${stop.part}: ${stop.id} ${stop.name}`);
      assert.ok(stop.inView, `the focus is out of the window at ${stop.part}: ${stop.id} ${stop.name}`);
      if (is(stop)) return way;
    }
    assert.fail(`${wanted} is not reached by ${key}: ${way.join(", ")}`);
  }

  async press(id, key = "Tab") {
    await this.to(id, key);
    await this.keys.press("Enter");
    await this.lab.page.waitForTimeout(60);
  }

  /** Opens a file: its tab is among the others, by the arrows. */
  async file(name) {
    await this.to((stop) => stop.id.startsWith("file-"), "Shift+Tab");
    await this.keys.press("Home");
    for (let i = 0; i < 5 && (await here(this.lab.page)).id !== `file-${name}`; i++) await this.keys.press("ArrowRight");
    assert.equal((await here(this.lab.page)).id, `file-${name}`);
    await this.keys.press("Enter");
    await this.to((stop) => stop.editor);
  }

  /** Writes a value over the one at the end of a line of the open file. */
  async write(line, from, to) {
    await this.keys.press("Control+Home");
    for (let i = 1; i < line; i++) await this.keys.press("ArrowDown");
    await this.keys.press("End");
    for (const _ of from) await this.keys.press("Backspace");
    await this.keys.type(to);
  }

  async apply() {
    await this.keys.press("Control+Enter");
    await this.lab.page.waitForTimeout(60);
  }

  async line(text) {
    await this.to("terminal-input");
    await this.keys.type(text);
    await this.keys.press("Enter");
  }

  /** The step's title, once its check is solved. */
  async solved(title) {
    assert.equal(await this.lab.page.locator(".lesson h1").last().innerText().then((text) => text.replace(/\s+/g, " ")), title);
    const check = this.lab.page.locator("[data-testid=check].solved");
    await check.waitFor({ timeout: 20_000 }).catch(async () => assert.fail(`"${title}" is not solved: ${await this.lab.at("check").innerText()}`));
  }

  async next(title) {
    await this.solved(title);
    await this.to("next", "Shift+Tab");
    await this.keys.press("Enter");
    await this.lab.page.waitForTimeout(100);
    assert.equal(await this.lab.page.evaluate(() => document.activeElement.tagName), "H1", "the next step is where one goes on");
  }
}

describe("by keys alone", { timeout: 240_000 }, () => {
  test("the ClusterIP lesson, from the first Tab to its last step", async () => {
    const lab = await site.open();
    const hands = new Hands(lab);
    const { keys } = hands;
    await keys.press("Tab");
    assert.equal((await here(lab.page)).part, "top", "one begins at the top");

    await hands.to((stop) => stop.editor);
    await hands.apply();
    await hands.file("svc.yaml");
    await hands.apply();
    await hands.line("kubectl get endpoints");
    await hands.next("Three pods, one address");

    await hands.press((stop) => /from the laptop/.test(stop.name));
    await lab.page.waitForTimeout(1500);
    await hands.press((stop) => /from the node/.test(stop.name));
    await hands.next("Not from your laptop");

    await hands.file("client.yaml");
    await hands.apply();
    await lab.page.waitForTimeout(3500);
    for (let i = 0; i < 4 && !(await lab.page.locator("[data-testid=check].solved").count()); i++) {
      await hands.press("send", "Shift+Tab");
      await lab.page.waitForTimeout(5000);
    }
    await hands.next("Who answers?");

    await hands.file("svc.yaml");
    await hands.write(8, "label", "lable");
    await hands.apply();
    await lab.page.waitForTimeout(500);
    await hands.press("send", "Shift+Tab");
    await hands.next("A selector that matches nothing");

    await hands.file("svc.yaml");
    await hands.write(8, "lable", "label");
    await hands.write(11, "9090", "8080");
    await hands.apply();
    await lab.page.waitForTimeout(500);
    await hands.press("send", "Shift+Tab");
    await hands.next("A door nobody stands behind");

    await hands.file("svc.yaml");
    await hands.write(11, "8080", "9090");
    await hands.apply();
    await hands.press((stop) => stop.name === "Make a probe fail", "Shift+Tab");
    await lab.page.waitForTimeout(4000);
    for (let i = 0; i < 4 && !(await lab.page.locator("[data-testid=check].solved").count()); i++) {
      await hands.press("send", "Shift+Tab");
      await lab.page.waitForTimeout(5000);
    }
    await hands.next("Running, but not ready");

    await hands.press((stop) => stop.name === "Let all probes succeed");
    await hands.line("kubectl delete pod -l app=test-label");
    await hands.line("kubectl scale deployment test-deployment --replicas=5");
    await lab.page.waitForTimeout(6000);
    for (let i = 0; i < 4 && !(await lab.page.locator("[data-testid=check].solved").count()); i++) {
      await hands.press("send", "Shift+Tab");
      await lab.page.waitForTimeout(5000);
    }
    await hands.solved("Pods come, pods go");
    assert.equal(await lab.page.locator(".lesson .done").count(), 1, "the lesson is done");
    assert.ok(hands.stops > 100, `looked at ${hands.stops} stops`);
    await lab.close();
  });

  test("round the whole page and out again, in the order it is read", async () => {
    const lab = await site.open();
    const hands = new Hands(lab);
    await hands.line("kubectl apply -f deploy.yaml -f svc.yaml");
    await hands.line("kubectl scale deployment test-deployment --replicas=40");
    await lab.page.waitForTimeout(9000);
    await hands.press("traffic-send");
    await lab.page.waitForTimeout(1200);
    const there = [];
    await lab.page.evaluate(() => document.activeElement.blur());
    for (const key of ["Tab", "Shift+Tab"]) {
      // The browser's own bar comes after the last stop; the page does not hold on to the focus.
      const order = [];
      for (let i = 0; i < 130; i++) {
        const stop = await here(lab.page);
        if (stop?.editor) await hands.keys.press("Escape");
        await hands.keys.press(key);
        const next = await here(lab.page);
        if (!next) break;
        assert.ok(next.ring && next.inView, `the focus cannot be seen at ${next.part}: ${next.id} ${next.name}`);
        order.push(next);
      }
      there.push(order);
    }
    const parts = there[1].map((stop) => stop.part).filter((part) => part !== "border");
    assert.deepEqual(parts.filter((part, i) => part !== parts[i - 1]), ["st", "term", "edit", "lesson", "top"]);
    for (const order of there) assert.ok(order.length < 75, `forty pods and nine packets are no more than a few stops: ${order.length}`);
    await lab.close();
  });

  test("what opens over the page is left by Escape, and the focus is where it was", async () => {
    const lab = await site.open();
    const hands = new Hands(lab);
    const { keys } = hands;
    await hands.line("kubectl apply -f deploy.yaml -f svc.yaml");
    await lab.page.waitForTimeout(3000);
    for (const id of ["environment", "traffic-more"]) {
      await hands.press(id, id === "environment" ? "Shift+Tab" : "Tab");
      assert.equal(await lab.page.locator(`#${id}:popover-open`).count(), 1, `${id} opens`);
      await keys.press("Tab");
      assert.ok(await lab.page.evaluate((id) => document.getElementById(id).contains(document.activeElement), id), `${id}: the next stop is inside`);
      await keys.press("Escape");
      assert.equal(await lab.page.locator(`#${id}:popover-open`).count(), 0, `${id} closes`);
      assert.equal((await here(lab.page))?.id, id);
    }
    // The stage's objects are one stop; arrows go among them, the menu key opens what can be done.
    await hands.to((stop) => stop.id.startsWith("Service/"), "Shift+Tab");
    await keys.press("End");
    const pod = (await here(lab.page)).id;
    assert.match(pod, /^Pod\/default\/test-deployment-/);
    await keys.press("ContextMenu");
    await lab.page.waitForTimeout(150);
    assert.equal((await here(lab.page)).id, "menu-inspect");
    await keys.press("Escape");
    await lab.page.waitForTimeout(100);
    assert.equal((await here(lab.page))?.id, pod);
    await keys.press("Enter");
    await lab.page.waitForTimeout(100);
    assert.match(await lab.at("inspector").innerText(), new RegExp(pod.split("/").pop()));
    await lab.close();
  });

  test("a packet is chosen, stepped and read by keys", async () => {
    const lab = await site.open();
    const hands = new Hands(lab);
    const { keys } = hands;
    await hands.line("kubectl apply -f deploy.yaml -f svc.yaml");
    await lab.page.waitForTimeout(3000);
    await hands.line("minikube ssh -- curl -s http://test-svc-cluster:9090/api/hello");
    await hands.press("traffic-send");
    await lab.page.waitForTimeout(800);
    await hands.to("stage", "Shift+Tab");
    await keys.press("2");
    await keys.press("Home");
    await keys.press(".");
    await keys.press(".");
    const hop = () => lab.at("inspector").locator("[data-hop]:has([aria-current=step])").getAttribute("data-hop");
    const at = Number(await hop());
    await keys.press(",");
    assert.equal(Number(await hop()), at - 1);
    // The list of hops: one stop, at the hop that is shown.
    await hands.to((stop) => stop.part === "st" && /^\d/.test(stop.name));
    assert.match((await here(lab.page)).name, new RegExp(`^${at - 1} `));
    await keys.press("ArrowDown");
    await keys.press("Enter");
    assert.equal(Number(await hop()), at);
    await lab.close();
  });

  test("on a phone the panes are reached by keys, too", async () => {
    const lab = await site.open({ viewport: phone });
    const hands = new Hands(lab);
    await hands.press("tab-terminal");
    await hands.line("kubectl get node");
    assert.match(await lab.at("terminal-output").innerText(), /minikube\s+Ready/);
    await hands.press("tab-lesson");
    await hands.press("hint");
    assert.equal(await lab.page.locator(".hint-open").count(), 1);
    await lab.close();
  });
});
