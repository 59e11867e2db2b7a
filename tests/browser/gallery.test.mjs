// The gallery of scenarios: every one opens without an error, its session and words take the learner's place, what it
// suggests can be done, undo and the way back bring everything back, and its link opens it anywhere.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { join } from "node:path";
import { Page, phone, visit } from "./page.mjs";
import { root } from "./support.mjs";

const list = readFileSync(join(root, "public/scenarios/index.yaml"), "utf8");
const names = [...list.matchAll(/\[(.*)\]/g)].flatMap((row) => row[1].split(", "));

const site = visit();

const title = (lab) => lab.page.locator(".lesson .scroll h1").innerText();
async function pick(lab, name) {
  await lab.at("scenarios").click();
  await lab.at(`scenario-${name}`).click();
  await lab.page.locator(`[data-testid=replay]`).waitFor();
  await lab.at("gallery").waitFor({ state: "hidden" });
}
async function toEnd(lab) {
  await lab.page.locator("[data-testid=stage]").focus();
  await lab.page.keyboard.press("End");
  await lab.page.waitForTimeout(150);
}
const ends = async (lab) => (await lab.at("inspector").locator(".stat").innerText()).replaceAll("\n", " ");

describe("the gallery", { timeout: 240_000 }, () => {
  let lab;
  before(async () => {
    lab = await site.open();
  });
  after(() => lab?.close());

  test("cards in groups, for keys and for screen readers", async () => {
    await lab.at("scenarios").focus();
    await lab.page.keyboard.press("Enter");
    await lab.at("gallery").locator("button.card").nth(names.length - 1).waitFor();
    await lab.shot("gallery-1-cards");
    assert.deepEqual(await lab.axe(), []);
    await lab.page.keyboard.press("Escape");
    await lab.at("gallery").waitFor({ state: "hidden" });
    assert.equal(await lab.page.evaluate(() => document.activeElement.dataset.testid), "scenarios");
  });

  test("every scenario opens, and the stage plays it", async () => {
    const titles = new Set();
    for (const name of names) {
      await pick(lab, name);
      await toEnd(lab);
      titles.add(await title(lab));
      assert.match(await ends(lab), /\d/, name);
      assert.match(lab.page.url(), new RegExp(`scenario=${name}\\b`));
      await lab.shot(`gallery-story-${name}`);
    }
    assert.equal(titles.size, names.length);
  });

  test("a story shows what it says: a node without a replica drops who calls", async () => {
    await pick(lab, "source-kept");
    await toEnd(lab);
    assert.match(await ends(lab), /timed out 3/);
    assert.match(await lab.text(), /externalTrafficPolicy: Local/);
    await lab.at("try-1").locator("visible=true").last().click();
    await toEnd(lab);
    assert.match(await ends(lab), /status 200 3/);
    assert.match(await lab.run("kubectl get deploy -o name"), /test-deployment/);
    assert.deepEqual(await lab.axe(), []);
  });

  test("a suggestion edits the file that it speaks of", async () => {
    await pick(lab, "no-endpoints");
    await lab.page.locator("button[data-testid=try-1]").click();
    await toEnd(lab);
    assert.match(await ends(lab), /status 200 3/);
    assert.match(await lab.text(), /app: test-label/);
    await pick(lab, "source-lost");
    await lab.page.locator("button[data-testid=try-1]").click();
    await lab.page.waitForURL(/scenario=source-kept/);
  });

  test("undo and the way back bring the learner's own session and files", async () => {
    await lab.at("leave-story").click();
    assert.match(await title(lab), /address|Service|Pod/i);
    assert.doesNotMatch(lab.page.url(), /scenario/);
    await lab.edit(`${await lab.text()}\n# mine`);
    await lab.run("kubectl create namespace mine");
    await pick(lab, "status-503");
    assert.doesNotMatch(await lab.run("kubectl get ns"), /mine/);
    await lab.at("undo").click();
    await lab.at("undo").click();
    assert.match(await lab.run("kubectl get ns"), /mine/);
    assert.match(await lab.text(), /# mine/);
    assert.doesNotMatch(lab.page.url(), /scenario/);
  });

  test("what is done in a story is there again after a visit elsewhere", async () => {
    await pick(lab, "status-404");
    await lab.run("kubectl create namespace here");
    await lab.page.waitForTimeout(700);
    await lab.page.reload();
    await lab.at("replay").waitFor();
    assert.match(await lab.run("kubectl get ns"), /here/);
    await lab.at("retell").click();
    await lab.page.waitForTimeout(300);
    assert.doesNotMatch(await lab.run("kubectl get ns"), /here/);
  });
});

test("a link opens a scenario in Chinese on a phone", { timeout: 60_000 }, async () => {
  const lab = await site.open({ lang: "zh", viewport: phone, theme: "dark", query: "&scenario=ingress-paths" });
  await lab.page.locator(".lesson-badge h1").filter({ hasText: "一扇门" }).waitFor();
  await lab.shot("gallery-phone-stage");
  await lab.at("tab-lesson").click();
  await lab.shot("gallery-phone-story");
  await lab.at("open-gallery").click();
  await lab.at("scenario-node-dies").waitFor();
  await lab.shot("gallery-phone-cards");
  assert.deepEqual(await lab.axe(), []);
  await lab.at("scenario-node-dies").click();
  await lab.page.locator(".lesson-badge h1").filter({ hasText: "节点" }).waitFor();
  await lab.close();
});

test("an embed shows a scenario by its name", { timeout: 60_000 }, async () => {
  const page = await (await site.chrome.newContext()).newPage();
  const lab = new Page(page, site.server.origin);
  await page.goto(`${site.server.origin}/?embed=1&lang=en&scenario=nodeport`);
  await page.locator("svg.stage").getByText("30000").first().waitFor();
  await page.locator("[data-testid=editor] .cm-content").waitFor();
  assert.match(await lab.text(), /type: NodePort/);
  await lab.close();
});

for (const lang of ["en", "zh"]) {
  test(`in ${lang}: in a narrow embed the notes of hops stay in sight, off the words of their lines`, { timeout: 60_000 }, async () => {
    const page = await site.chrome.newPage({ viewport: { width: 720, height: 800 } });
    await page.goto(`${site.server.origin}/?embed=1&lang=${lang}&scenario=nodeport`);
    await page.locator(".cm-content").waitFor();
    await page.locator("[data-testid=send]").first().click();
    await page.locator(".cm-note").nth(1).waitFor();
    const notes = await page.evaluate(() => {
      const edge = document.querySelector(".cm-scroller").getBoundingClientRect().right;
      return [...document.querySelectorAll(".cm-note")].map((note) => {
        const range = document.createRange();
        range.selectNodeContents(note.closest(".cm-line"));
        range.setEndBefore(note);
        const { left, right } = note.getBoundingClientRect();
        const space = parseFloat(getComputedStyle(note).paddingLeft);
        return { text: note.textContent, cut: right - edge, over: range.getBoundingClientRect().right - left - space };
      });
    });
    for (const { text, cut, over } of notes) assert.ok(cut <= 0 && over <= 0, `${text}: ${cut}, ${over}`);
    await page.close();
  });
}
