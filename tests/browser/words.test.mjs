// The stage in words: the list of hops in step with the picture, one spoken line for each end, and a trace on paper.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { visit, web } from "./page.mjs";
import { browser, root } from "./support.mjs";

const site = visit();

const manifest = `${web()}---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 9090}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  ingressClassName: nginx
  rules:
    - http:
        paths:
          - {path: /api, pathType: Prefix, backend: {service: {name: web, port: {number: 9090}}}}
`;
const ready = (lab) => lab.until("kubectl get pod", (text) => (text.match(/1\/1\s+Running/g) ?? []).length === 3);
const list = (lab) => lab.at("inspector").locator("ol [data-hop]");
const present = (lab) => lab.at("inspector").locator("ol [aria-current=step]");
/** The traces that a line sent, as JSON. */
const traces = async (lab, line) => JSON.parse(await lab.run(line));

/** Opens a cluster with an Ingress that is served. */
async function served(how) {
  const lab = await site.open({ query: "&profile=minikube", ...how });
  await lab.edit(manifest);
  await ready(lab);
  await lab.run("minikube addons enable ingress");
  await lab.until("kubectl get ingress", (text) => text.includes("192.168.49.2"));
  return lab;
}

/** What the live region says while something is done, in order. */
async function heard(lab, deed) {
  await lab.at("said").evaluate((region) => {
    globalThis.heard = [];
    globalThis.ear?.disconnect();
    globalThis.ear = new MutationObserver(() => globalThis.heard.push(region.textContent));
    globalThis.ear.observe(region, { childList: true, characterData: true, subtree: true });
  });
  await deed();
  return lab.page.evaluate(() => globalThis.heard);
}

describe("the stage in words", { timeout: 240_000 }, () => {
  test("a crowd is told once, when all of it has come back", async () => {
    const lab = await served({});
    const said = await heard(lab, async () => {
      await lab.at("traffic-url").fill("http://192.168.49.2/api/hello");
      await lab.at("traffic-count").selectOption("60");
      await lab.at("traffic-send").click();
      await lab.page.locator("[data-testid=stage]").focus();
      await lab.at("said").filter({ hasText: "60 answered" }).waitFor({ state: "attached", timeout: 60_000 });
    });
    assert.deepEqual(said, ["60 answered"]);
    assert.deepEqual(lab.errors, []);
    await lab.page.context().close();
  });

  test("the list tells every hop of a request by way of an ingress controller, and where the picture stands", async () => {
    const lab = await served({});
    const [trace] = await traces(lab, "trace -o json http://192.168.49.2/api/hello");
    assert.equal(trace.outcome.status, 200);
    await lab.page.waitForTimeout(300);
    assert.equal(await list(lab).count(), trace.hops.length, "no hop is left out, on either connection");
    assert.equal(await lab.at("inspector").locator("ol").evaluate((ol) => [...ol.children].every((li) => li.tagName === "LI")), true);
    const rows = (await list(lab).allInnerTexts()).map((row) => row.replace(/\s+/g, " "));
    rows.forEach((row, i) => assert.match(row, new RegExp(`^${i + 1} \\S+ .`), "number, place and deed"));
    // In step: at each hop one row is the present one, the same that the scrubber tells.
    await lab.page.locator("[data-testid=stage]").focus();
    await lab.page.keyboard.press("Home");
    for (let hop = 1; hop <= trace.hops.length; hop++) {
      await lab.page.keyboard.press(".");
      assert.equal(await present(lab).count(), 1);
      const [row] = await present(lab).allInnerTexts();
      assert.match(row.replace(/\s+/g, " "), new RegExp(`^${hop} `));
      assert.match(await lab.at("scrub").getAttribute("aria-valuetext"), new RegExp(`^${hop}/${trace.hops.length} `));
    }
    // While it plays, the list goes along by itself.
    await lab.page.keyboard.press("Home");
    await lab.page.keyboard.press(" ");
    const seen = new Set();
    for (let i = 0; i < 80 && seen.size < 4; i++) {
      for (const text of await present(lab).allInnerTexts()) seen.add(parseInt(text, 10));
      await lab.page.waitForTimeout(40);
    }
    assert.ok(seen.size >= 4, `hops that were present: ${[...seen]}`);
    assert.deepEqual([...seen], [...seen].sort((a, b) => a - b), "in their order");
    await lab.close();
  });

  test("one line is spoken for each answer or failure, and none for a hop", async () => {
    const lab = await site.open({ query: "&profile=minikube" });
    await lab.edit(manifest.slice(0, manifest.indexOf("---\napiVersion: networking")));
    await ready(lab);
    const sent = async (count, url) => {
      await lab.at("traffic-from").selectOption("node/minikube");
      await lab.at("traffic-url").fill(url);
      await lab.at("traffic-count").selectOption(String(count));
      await lab.at("traffic-send").click();
      await lab.page.waitForFunction(() => document.querySelector("[data-testid=play]").getAttribute("aria-label") === "Play", null, { timeout: 20_000 });
      await lab.page.waitForTimeout(100);
    };
    const [, address] = (await lab.run("kubectl get svc web")).match(/ClusterIP\s+(\S+)/);
    const lines = await heard(lab, () => sent(3, `http://${address}:9090/api/hello`));
    assert.ok(lines.length >= 1 && lines.length <= 3, `three answers: ${lines.join("; ")}`);
    assert.equal(new Set(lines).size, lines.length);
    for (const line of lines) assert.match(line, /^#\d+: 200 . web-/);
    const failed = await heard(lab, () => sent(1, `http://${address}:9091/`));
    assert.deepEqual(failed.map((line) => line.replace(/^#\d+/, "#")), [`#: timed out · http://${address}:9091/`]);
    const stepped = await heard(lab, async () => {
      await lab.page.locator("[data-testid=stage]").focus();
      await lab.page.keyboard.press("Home");
      for (let i = 0; i < 2; i++) await lab.page.keyboard.press(".");
      await lab.page.waitForTimeout(200);
    });
    assert.deepEqual(stepped, [], "steps are read in the list, not spoken");
    await lab.close();
  });
});

describe("a trace on paper", { timeout: 240_000 }, () => {
  for (const [lang, theme, cause] of [["en", "dark", /Cause: Ingress\/default\/shop spec\.rules\[0\]\.http\.paths\[0\]\S* \(deploy\.yaml, line \d+: - \{path: \/api/], ["zh", "light", /来由：Ingress\/default\/shop spec\.rules\[0\]\.http\.paths\[0\]\S* （deploy\.yaml，第 \d+ 行：- \{path: \/api/]]) {
    test(`in ${lang}: all hops, with addresses, reasons, rules and lines of YAML, black on white`, async () => {
      const lab = await served({ lang, theme });
      const [trace] = await traces(lab, "trace -o json http://192.168.49.2/api/hello");
      await lab.page.waitForTimeout(200);
      assert.equal(await lab.at("paper").count(), 0, "on the screen there is no paper");
      await lab.page.emulateMedia({ media: "print" });
      await lab.page.waitForTimeout(200);
      const paper = lab.at("paper");
      const text = (await paper.innerText()).replace(/\s+/g, " ");
      const hops = paper.locator("tbody");
      assert.equal(await hops.count(), trace.hops.length);
      for (const [i, hop] of trace.hops.entries()) {
        const told = (await hops.nth(i).innerText()).replace(/\s+/g, " ");
        for (const words of [hop.packet.src, hop.packet.dst, hop.because, hop.rule].filter(Boolean)) {
          if (words !== hop.because || lang === "en") assert.ok(told.includes(words.replace(/\s+/g, " ")), `hop ${i + 1} tells ${words}:\n${told}`);
        }
      }
      assert.match(text, cause);
      assert.match(text, /http:\/\/192\.168\.49\.2\/api\/hello/);
      assert.match(text, /Kubernetes 1\.37/);
      const looks = await paper.evaluate((paper) => ({
        ink: getComputedStyle(paper).color,
        page: getComputedStyle(document.body).backgroundColor,
        wall: getComputedStyle(paper.querySelector("svg .room")).fill,
        furniture: [...document.querySelectorAll(".top, .ed, .term, .ctl, .traffic, .insp, .tabbar, .lesson")].filter((part) => part.getClientRects().length).length,
      }));
      assert.deepEqual(looks, { ink: "rgb(0, 0, 0)", page: "rgba(0, 0, 0, 0)", wall: "rgb(250, 251, 252)", furniture: 0 });
      assert.deepEqual(await lab.axe(), []);
      // And as the browser prints, which tells the page by the same query.
      await lab.page.emulateMedia({ media: null });
      await lab.page.waitForTimeout(100);
      assert.equal(await paper.count(), 0);
      await lab.page.evaluate(() => {
        globalThis.papers = 0;
        new MutationObserver(() => document.querySelector(".paper tbody") && globalThis.papers++).observe(document.querySelector(".app"), { childList: true, subtree: true });
      });
      const pdf = await lab.page.pdf({ format: "A4" });
      writeFileSync(join(root, `target/screenshots/paper-${lang}.pdf`), pdf);
      const pages = pdf.toString("latin1").match(/\/Type\s*\/Page\b/g).length;
      assert.ok(pages >= 1 && pages <= 4, `${pages} pages`);
      assert.ok((await lab.page.evaluate(() => globalThis.papers)) > 0, "what is printed is the paper");
      assert.equal(await paper.count(), 0, "and it is gone after");
      await lab.close();
    });
  }

  test("without a trace the lesson's step is what is printed", async () => {
    const lab = await site.open();
    await lab.page.emulateMedia({ media: "print" });
    await lab.page.waitForTimeout(200);
    const seen = await lab.page.evaluate(() => document.body.innerText);
    assert.match(seen, /Three pods, one address[\s\S]*Apply deploy\.yaml/);
    assert.doesNotMatch(seen, /Undo|Send|apiVersion/);
    await lab.close();
  });
});
