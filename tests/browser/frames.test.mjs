// Packets as a reader meets them: picked with the pointer, muted by kind, in steps where motion is unwanted; and what they cost:
// nothing while nothing moves, and no memory in the long run.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { remember } from "./memory.mjs";
import { visit } from "./page.mjs";

const site = visit();

/** Three replicas behind a node port. */
async function serving(lab) {
  await lab.run("kubectl create deployment web --image=hello:1.0 --replicas=3 --port=9090");
  await lab.run("kubectl expose deployment web --port=9090 --type=NodePort");
  await lab.until("kubectl get endpoints web", (text) => (text.match(/10\.244/g) ?? []).length === 3);
  lab.url = `${(await lab.run("minikube service web --url")).trim()}/api/hello`;
}

/** A page whose frames and strokes are counted, with three replicas behind a node port. */
async function begin(more = {}) {
  const lab = await site.open(more);
  await serving(lab);
  await lab.page.evaluate(() => {
    const counts = (window.counts = { frames: 0, strokes: 0 });
    const next = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (then) => next((now) => (counts.frames++, then(now)));
    for (const name of ["clearRect", "stroke", "fill", "drawImage"]) {
      const real = CanvasRenderingContext2D.prototype[name];
      CanvasRenderingContext2D.prototype[name] = function (...args) {
        counts.strokes++;
        return real.apply(this, args);
      };
    }
  });
  return lab;
}

const playing = (lab) => lab.at("play").getAttribute("aria-label").then((label) => label === "Pause");

async function ended(lab) {
  const end = Date.now() + 30_000;
  while (await playing(lab)) {
    assert.ok(Date.now() < end, "the clock stops at the end");
    await lab.page.waitForTimeout(100);
  }
}

/** Frames asked for and strokes drawn in two seconds. */
async function spent(lab) {
  await lab.page.waitForTimeout(300);
  return lab.page.evaluate(async () => {
    Object.assign(window.counts, { frames: 0, strokes: 0 });
    await new Promise((done) => setTimeout(done, 2000));
    return { ...window.counts };
  });
}

/** The middle of the selected packet's ring, in pixels of the page; null while nothing is selected. */
function ring(lab) {
  return lab.page.evaluate(() => {
    const canvas = document.querySelector("[data-testid=stage] > canvas");
    const accent = getComputedStyle(canvas).getPropertyValue("--accent").trim();
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(accent.slice(i, i + 2), 16));
    const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const bounds = canvas.getBoundingClientRect();
    const scale = bounds.width / width;
    const radius = (14.5 * bounds.width) / document.querySelector("svg.stage").viewBox.baseVal.width / scale;
    // Each point in the ring's colour votes for the middles that it could belong to.
    const votes = new Map();
    let best = null;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] < 200 || Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) > 24) continue;
      const [x, y] = [(i / 4) % width, Math.floor(i / 4 / width)];
      for (let angle = 0; angle < 48; angle++) {
        const [cx, cy] = [x + radius * Math.cos((angle * Math.PI) / 24), y + radius * Math.sin((angle * Math.PI) / 24)];
        const place = Math.round(cx / 2) * 100_000 + Math.round(cy / 2);
        const count = (votes.get(place) ?? 0) + 1;
        votes.set(place, count);
        if (!best || count > best.count) best = { count, x: bounds.left + cx * scale, y: bounds.top + cy * scale };
      }
    }
    return best;
  });
}

async function send(lab, count) {
  await lab.at("traffic-url").fill(lab.url);
  await lab.at("traffic-count").selectOption(String(count));
  await lab.at("traffic-send").click();
}

describe("what packets cost", { timeout: 240_000 }, () => {
  test("nothing is drawn while nothing moves: before, paused, and after", async () => {
    const lab = await begin();
    assert.deepEqual(await spent(lab), { frames: 0, strokes: 0 }, "before anything was sent");
    await send(lab, 9);
    await lab.page.waitForTimeout(1500);
    const moving = await lab.page.evaluate(() => ({ ...window.counts }));
    assert.ok(moving.frames > 10 && moving.strokes > 10, `while packets move: ${JSON.stringify(moving)}`);
    await lab.at("play").click();
    assert.deepEqual(await spent(lab), { frames: 0, strokes: 0 }, "paused");
    await lab.at("play").click();
    await ended(lab);
    assert.deepEqual(await spent(lab), { frames: 0, strokes: 0 }, "when all have landed");
    await lab.close();
  });

  test("ten thousand requests leave no more behind than two thousand", async () => {
    const lab = await site.open();
    const megabytes = await remember(lab);
    await serving(lab);
    const some = async (count) => {
      for (let sent = 0; sent < count; sent += 1000) await lab.run(`trace -n 1000 -o json ${lab.url} | wc -l`);
      await lab.page.keyboard.press("End");
      return megabytes();
    };
    const [before, after] = [await some(2000), await some(8000)];
    const said = `${JSON.stringify(before)}, then ${JSON.stringify(after)}`;
    assert.ok(after.heap < before.heap + 4, `the heap: ${said}`);
    assert.ok(after.program < before.program + 10, `the program: ${said}`);
    await lab.close();
  });
});

describe("packets in the reader's hand", { timeout: 120_000 }, () => {
  test("a packet is picked by clicking on it, and says what it is when pointed at", async () => {
    const lab = await begin();
    await send(lab, 3);
    // The first has come to the kernel, the second is on its wire.
    await lab.at("step-forward").click();
    await lab.page.keyboard.press("Home");
    await lab.page.keyboard.press(".");
    await lab.page.keyboard.press(".");
    await lab.page.keyboard.press("2");
    assert.equal(await playing(lab), false);
    const second = await ring(lab);
    assert.ok(second, "the selected packet wears a ring");
    await lab.page.keyboard.press("1");
    await assert.doesNotReject(lab.at("inspector").getByText("Packet #1", { exact: false }).first().waitFor());
    const strokes = () => lab.page.evaluate(() => window.counts.strokes);
    const drawn = await strokes();
    await lab.page.mouse.move(second.x, second.y);
    await lab.page.waitForTimeout(150);
    assert.equal(await lab.at("stage").evaluate((stage) => getComputedStyle(stage).cursor), "pointer");
    assert.ok((await strokes()) > drawn, "its label is drawn");
    await lab.page.mouse.click(second.x, second.y);
    await assert.doesNotReject(lab.at("inspector").getByText("Packet #2", { exact: false }).first().waitFor());
    const now = await ring(lab);
    assert.ok(Math.hypot(now.x - second.x, now.y - second.y) < 4, "the ring is where it was");
    await lab.close();
  });

  test("kinds of packets are muted by the keyboard, and stay muted", async () => {
    const lab = await begin();
    await send(lab, 1);
    await ended(lab);
    const length = async () => {
      // How long a run takes: from the start to its end.
      await lab.page.keyboard.press("Home");
      const from = Date.now();
      await lab.page.keyboard.press("Space");
      await ended(lab);
      return Date.now() - from;
    };
    await lab.page.locator("body").click({ position: { x: 700, y: 20 } });
    const whole = await length();
    await lab.at("kinds").focus();
    await lab.page.keyboard.press("Enter");
    const box = lab.page.locator("[data-kind='1']");
    await box.waitFor();
    assert.deepEqual(await lab.page.locator("[data-kind]").evaluateAll((all) => all.map((box) => box.checked)), [true, true, true, true, false, false]);
    await lab.page.waitForFunction(() => [...document.querySelectorAll(".kind b")].slice(0, 4).map((count) => count.textContent).join() === "1,1,0,0", null, { timeout: 3000 });
    await box.focus();
    await lab.page.keyboard.press("Space");
    await lab.page.keyboard.press("Escape");
    await lab.page.locator("body").click({ position: { x: 700, y: 20 } });
    const half = await length();
    assert.ok(half < whole * 0.75, `with replies ${whole} ms, without ${half} ms`);
    await lab.page.reload();
    await lab.at("kinds").click();
    assert.equal(await box.isChecked(), false);
    await lab.close();
  });

  test("probes are drawn at their times once they are asked for, and nothing between them", async () => {
    const lab = await begin();
    const pod = (await lab.run("kubectl get pod -o name")).split("\n")[0].replace("pod/", "");
    await lab.run(`kubectl patch deployment web --type=json -p='[{"op":"add","path":"/spec/template/spec/containers/0/readinessProbe","value":{"httpGet":{"path":"/api/hello","port":9090},"periodSeconds":10}}]'`);
    await lab.until("kubectl get pod --no-headers", (text) => !text.includes(pod) && /^(\S+\s+1\/1\s+Running.*\n){3}$/.test(text), 60_000);
    await lab.page.waitForTimeout(3000);
    assert.deepEqual(await spent(lab), { frames: 0, strokes: 0 }, "they are muted at first");
    await lab.at("kinds").click();
    await lab.page.locator("[data-kind='4']").check();
    assert.match(await lab.page.locator(".kind b").nth(4).textContent(), /^\d+\/min$/);
    await lab.page.keyboard.press("Escape");
    const frames = await lab.page.evaluate(async () => {
      const seconds = [];
      for (let i = 0; i < 24; i++) {
        const before = window.counts.frames;
        await new Promise((done) => setTimeout(done, 500));
        seconds.push(window.counts.frames - before);
      }
      return seconds;
    });
    assert.ok(frames.some((count) => count > 3), `some of it moves: ${frames}`);
    assert.ok(frames.some((count) => count === 0), `and some of it rests: ${frames}`);
    await lab.close();
  });

  test("with less motion packets stand at one hop after the other, labelled, for more than a second each", async () => {
    const lab = await begin({ reducedMotion: "reduce" });
    await send(lab, 1);
    const seen = await lab.page.evaluate(async () => {
      const canvas = document.querySelector("[data-testid=stage] > canvas");
      const places = [];
      const end = performance.now() + 30_000;
      const moves = () => document.querySelector("[data-testid=play]").getAttribute("aria-label") === "Pause";
      while (performance.now() < end && (moves() || places.length < 5)) {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let sum = 0;
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) sum = (sum + i * (data[i] + 1)) % 1_000_000_007;
        places.push({ sum, card: !!document.querySelector(".words .card"), at: performance.now() });
        await new Promise((done) => setTimeout(done, 60));
      }
      return places;
    });
    const stands = [];
    for (const place of seen) {
      if (stands.at(-1)?.sum === place.sum) stands.at(-1).ms = place.at - stands.at(-1).from;
      else stands.push({ sum: place.sum, from: place.at, ms: 0, card: place.card });
    }
    const hops = await lab.page.locator("[data-testid=inspector] .hl li").count();
    assert.ok(stands.length <= hops + 2, `${stands.length} pictures for ${hops} hops`);
    const whole = stands.slice(1, -2);
    assert.ok(whole.length >= 4 && whole.every(({ ms }) => ms > 900), JSON.stringify(stands.map(({ ms }) => Math.round(ms))));
    assert.ok(whole.every(({ card }) => card), "each with its label");
    await lab.close();
  });
});
