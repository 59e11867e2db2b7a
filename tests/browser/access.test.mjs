// What axe finds in every state of the page that a reader comes to, in both themes and languages; and what axe does not
// see: the contrast of the words on the stage, taken from the very pixels they stand on.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PNG } from "pngjs";
import { phone, small, visit, web } from "./page.mjs";

const site = visit({ flags: ["--disable-lcd-text"] });

const manifest = `${web(6)}---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 80, targetPort: 9090, nodePort: 30080}]
`;
const ready = (lab, count) => lab.until("kubectl get pod", (text) => (text.match(/1\/1\s+Running/g) ?? []).length === count);

/** Fails with what axe finds, and where. */
async function clean(lab, where) {
  await lab.page.waitForTimeout(350);
  const found = [...new Set(await lab.axe())];
  assert.deepEqual(found, [], where);
}

/**
 * The words on the stage whose colour is too near what they stand on. What they stand on is the commonest colour inside
 * their box; a word that is crossed by something else still has that behind most of its letters. The sign of a change stands
 * on a disc smaller than its box: tests/contrast.rs holds its two colours.
 */
async function faint(lab) {
  const { page } = lab;
  // What comes or goes has done so.
  await page.waitForFunction(() => document.querySelector("svg.stage").getAnimations({ subtree: true }).every(({ playState }) => playState !== "running"), null, { timeout: 3000 });
  const words = await page.evaluate(() => {
    const frame = document.querySelector("[data-testid=stage]").getBoundingClientRect();
    return [...document.querySelectorAll("svg.stage text:not(.sig text)")].flatMap((text) => {
      const box = text.getBoundingClientRect();
      const inside = box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
      const style = getComputedStyle(text);
      let opacity = 1;
      for (let up = text; up && up.tagName !== "svg"; up = up.parentElement) opacity *= Number(getComputedStyle(up).opacity);
      const [r, g, b] = style.fill.match(/[\d.]+/g).map(Number);
      return inside && box.width > 4 ? [{ text: text.textContent, box: { x: box.x, y: box.y, w: box.width, h: box.height }, fill: [r, g, b], opacity }] : [];
    });
  });
  const picture = PNG.sync.read(await page.screenshot({ animations: "disabled" }));
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const luminance = (colour) => colour.map((part) => linear(part / 255)).reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const problems = [];
  for (const { text, box, fill, opacity } of words) {
    const often = new Map();
    for (let y = Math.floor(box.y); y < box.y + box.h; y++) {
      for (let x = Math.floor(box.x); x < box.x + box.w; x++) {
        const i = (y * picture.width + x) * 4;
        const colour = picture.data.subarray(i, i + 3).join(",");
        often.set(colour, (often.get(colour) ?? 0) + 1);
      }
    }
    const [behind] = [...often].sort((a, b) => b[1] - a[1])[0];
    const back = behind.split(",").map(Number);
    const front = fill.map((part, i) => part * opacity + back[i] * (1 - opacity));
    const [a, b] = [luminance(front), luminance(back)].sort((a, b) => b - a);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) problems.push(`"${text}" has ${ratio.toFixed(2)} on rgb(${behind})`);
  }
  return { count: words.length, problems: [...new Set(problems)] };
}

const looks = [
  ["en", "light"],
  ["zh", "dark"],
];

describe("access", { timeout: 600_000 }, () => {
  for (const [lang, theme] of looks) {
    test(`each lesson in ${lang}, ${theme}: every step, its hints and its solution`, async () => {
      for (const lesson of ["clusterip", "nodeport", "loadbalancer"]) {
        const lab = await site.open({ lang, theme, query: `&lesson=${lesson}` });
        for (let step = 1; ; step++) {
          while (await lab.at("hint").count()) await lab.at("hint").click();
          await lab.at("show-solution").click();
          await clean(lab, `${lesson}, step ${step}`);
          if (!(await lab.at("next").count())) break;
          await lab.at("next").click();
        }
        await lab.page.locator(".simp .link").click();
        await clean(lab, `${lesson}: what is simplified`);
        await lab.close();
      }
    });

    test(`the inspector, menus and panels in ${lang}, ${theme}`, async () => {
      const lab = await site.open({ lang, theme, query: "&profile=cloud" });
      await lab.edit(manifest);
      await ready(lab, 6);
      await lab.page.waitForTimeout(4000);
      for (const key of ["Service/default/web", "Node/node-a1"]) {
        await lab.choose(`[data-object="${key}"]`);
        await lab.at("inspector").evaluate((panel) => panel.querySelectorAll("details").forEach((fold) => (fold.open = true)));
        await clean(lab, key);
      }
      const pod = await lab.page.locator("[data-object^='Pod/default/web']").first().getAttribute("data-object");
      await lab.choose(`[data-object="${pod}"]`);
      await clean(lab, pod);
      await lab.at("traffic-send").click();
      await lab.page.waitForTimeout(900);
      await lab.page.locator("[data-testid=stage]").focus();
      await lab.page.keyboard.press("1");
      for (let i = 0; i < (await lab.at("inspector").locator("[data-hop]").count()); i += 2) {
        await lab.at("inspector").locator("[data-hop] button").nth(i).click();
        await clean(lab, `hop ${i + 1}`);
      }
      for (const id of ["environment", "traffic-more"]) {
        await lab.at(id).click();
        await clean(lab, id);
        await lab.page.keyboard.press("Escape");
      }
      const node = lab.page.locator("[data-object='Node/node-a1']");
      await node.focus();
      await lab.page.keyboard.press("ContextMenu");
      await lab.at("menu-inspect").waitFor();
      await clean(lab, "the stage's menu");
      await lab.page.keyboard.press("Escape");
      await lab.edit(manifest.replace("selector: {app: web}", "selecter: {app: web}"));
      await clean(lab, "a list of problems");
      await lab.run("kubectl get pod -o wide");
      await lab.run("kubectl get nothing");
      await lab.at("new-terminal").click();
      await clean(lab, "the terminal");
      await lab.at("projector").click();
      await clean(lab, "large type");
      await lab.close();
    });

    test(`a phone in ${lang}, ${theme}: every pane, and the menu`, async () => {
      const lab = await site.open({ lang, theme, viewport: phone });
      await lab.page.locator(".burger").click();
      await clean(lab, "the menu");
      await lab.page.locator(".burger").click();
      await lab.at("tab-terminal").click();
      await lab.run("kubectl apply -f deploy.yaml -f svc.yaml");
      await ready(lab, 3);
      for (const pane of ["lesson", "yaml", "stage", "terminal"]) {
        await lab.at(`tab-${pane}`).click();
        await clean(lab, pane);
      }
      await lab.close();
    });

    test(`the stage's words in ${lang}, ${theme} stand out from what they stand on`, async () => {
      for (const viewport of [undefined, small]) {
        const lab = await site.open({ lang, theme, query: "&profile=cloud", ...(viewport && { viewport }) });
        await lab.edit(manifest);
        await lab.page.waitForTimeout(700);
        const check = async (where) => {
          const { count, problems } = await faint(lab);
          assert.ok(count > 15, `${where}: ${count} words`);
          assert.deepEqual(problems, [], where);
        };
        await check("pods that start");
        await ready(lab, 6);
        await lab.page.waitForTimeout(4000);
        await check("at rest");
        await lab.at("traffic-from").selectOption("internet");
        await lab.at("traffic-send").click();
        await lab.page.waitForTimeout(900);
        await lab.page.locator("[data-testid=stage]").focus();
        await lab.page.keyboard.press("1");
        await lab.at("inspector").locator("[data-hop]").filter({ hasText: "DNAT" }).first().locator("button").click();
        await lab.page.waitForTimeout(300);
        await check("a packet at its rule");
        await lab.choose("[data-object='Node/node-b1']");
        await lab.at("deed-cordon").click();
        await lab.choose("[data-object='Node/node-a2']");
        await lab.at("fault-stop").click();
        await lab.page.waitForTimeout(300);
        await check("a node that is off, and one that takes no pods");
        await lab.at("traffic-url").fill("http://192.0.2.11:30080/");
        await lab.at("traffic-send").click();
        await lab.page.waitForTimeout(900);
        await lab.page.locator("[data-testid=stage]").focus();
        await lab.page.keyboard.press("End");
        await lab.page.waitForTimeout(500);
        await check("a failure");
        await lab.close();
      }
    });
  }
});
