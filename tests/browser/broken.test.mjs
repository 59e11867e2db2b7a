// Lessons and scenarios that cannot be read: the page names the line and what is wrong with it, and all else works.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { join } from "node:path";
import { visit } from "./page.mjs";
import { root } from "./support.mjs";

const whole = (path) => readFileSync(join(root, "public", path), "utf8");
/** A file with one field misspelt, and the number of the line. */
function misspelt(path, field, wrong) {
  const lines = whole(path).split("\n");
  const at = lines.findIndex((line) => line.startsWith(field));
  assert.ok(at > 0, `${path} has ${field}`);
  lines[at] = lines[at].replace(field, wrong);
  return { file: { text: lines.join("\n"), type: "text/plain; charset=utf-8" }, line: at + 1 };
}
const lesson = misspelt("lessons/en/nodeport.md", "seed:", "sede:");
const other = misspelt("lessons/zh/ingress.md", "profile:", "profil:");
const scenario = misspelt("scenarios/one-door.yaml", "profile:", "profil:");

const site = visit({
  mounts: {
    "/": "dist",
    "/lessons/en/nodeport.md": lesson.file,
    "/lessons/zh/nodeport.md": lesson.file,
    "/lessons/zh/ingress.md": other.file,
    "/scenarios/one-door.yaml": scenario.file,
  },
});
const notice = (lab) => lab.page.locator(".notice.on");

for (const [lang, place] of [["en", (line) => `line ${line}: `], ["zh", (line) => `第 ${line} 行：`]]) {
  test(`in ${lang}: a lesson that cannot be read says where and why`, { timeout: 60_000 }, async () => {
    const lab = await site.open({ lang, query: "&lesson=nodeport" });
    const told = await lab.at("misread").innerText();
    assert.ok(told.includes(place(lesson.line)) && told.includes("sede"), told);
    await lab.shot(`broken-lesson-${lang}`);
    assert.deepEqual(await lab.axe(), []);
    assert.match(await lab.run("kubectl get nodes"), /Ready/);
    assert.deepEqual(lab.errors, []);
    await lab.close();
  });

  test(`in ${lang}: a scenario that cannot be read says so, from a link and in the gallery`, { timeout: 60_000 }, async () => {
    const lab = await site.open({ lang, query: "&scenario=one-door" });
    const right = (told) => assert.ok(told.includes("one-door") && told.includes(place(scenario.line)) && told.includes("profil"), told);
    right(await notice(lab).innerText());
    await lab.at("scenarios").click();
    right(await lab.page.locator(".card.lacking").innerText());
    assert.equal(await lab.page.locator(".card.lacking").count(), 1);
    await lab.shot(`broken-scenario-${lang}`);
    assert.deepEqual(await lab.axe(), []);
    await lab.close();
  });
}

test("a lesson broken in one language is shown in the other, and the broken line is named", { timeout: 60_000 }, async () => {
  const lab = await site.open({ lang: "zh", query: "&lesson=ingress" });
  assert.ok((await notice(lab).innerText()).includes(`第 ${other.line} 行：`));
  assert.equal(await lab.at("misread").count(), 0);
  assert.equal(await lab.at("hint").count(), 1);
  await lab.close();
});
