// Bad input of any size or shape: an error in place within a second, the text kept, no panic. And no text is lost on the way.
import assert from "node:assert/strict";
import { availableParallelism, loadavg } from "node:os";
import { after, before, describe, test } from "node:test";
import { visit } from "./page.mjs";

const site = visit();
let lab;

const bomb = () => {
  let text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (let i = 1; i < 12; i++) text += `a${i}: &a${i} [${Array(9).fill(`*a${i - 1}`).join(",")}]\n`;
  return text;
};
const pod = (i) => `apiVersion: v1\nkind: Pod\nmetadata:\n  name: p${i}\nspec:\n  containers:\n    - name: c\n      image: hello:1.0\n      prots: []\n---\n`;

const inputs = {
  "broken YAML": "apiVersion: v1\nkind: [Service\nmetadata: {name: x\n",
  "an unknown and a mistyped field": "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\nspec:\n  selctor: {a: b}\n  ports:\n    - port: many\n",
  "a kind that is not served": "apiVersion: example.org/v1\nkind: Rocket\nmetadata:\n  name: x\n",
  "a NUL byte": "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\u0000b\n",
  "an anchor bomb": bomb(),
  "lists 20,000 deep": "[".repeat(20_000),
  "maps 5,000 deep": Array.from({ length: 5_000 }, (_, i) => `${" ".repeat(i % 500)}a:\n`).join(""),
  "a lone surrogate and other odd letters": "apiVersion: v1\nkind: Service\nmetadata:\n  name: \"\ud83d\u202e\ufeff\u2028\"\n",
  "no YAML at all": "\u007fELF\u0002\u0001\u0001" + "\u0001\u0002\u0003".repeat(100),
  "5 MB of wrong pods": Array.from({ length: 50_000 }, (_, i) => pod(i)).join("").slice(0, 5_000_000),
  "5 MB in one line": `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${"a".repeat(5_000_000)}\n`,
};

// A second is meant for a machine that does nothing else.
const crowd = Math.max(1, loadavg()[0] / availableParallelism());

describe("hostile input", { timeout: 300_000 }, () => {
  before(async () => {
    lab = await site.open();
  });
  after(() => lab?.close());
  for (const [name, text] of Object.entries(inputs)) {
    test(name, async () => {
      await lab.file("svc.yaml");
      await lab.edit("# nothing\n");
      await lab.page.waitForFunction(() => !document.querySelector("[data-testid=diagnostics] li"));
      await lab.paste(text);
      // From the moment that the page has the text: rest, reading, diagnostics, drawing.
      const start = Date.now();
      await lab.page.locator("[data-testid=diagnostics] li").first().waitFor({ timeout: 10_000 });
      const took = Date.now() - start;
      const kept = await lab.text();
      assert.equal(kept.length, text.replace(/\r\n?/g, "\n").length, "the text is kept");
      const told = await lab.page.locator("[data-testid=diagnostics] li").first().innerText();
      assert.match(told, /svc\.yaml/);
      assert.match(await lab.run("kubectl get node"), /minikube/);
      assert.deepEqual(lab.errors, []);
      console.log(`${name}: ${took} ms: ${told.replaceAll("\n", " ").slice(0, 160)}`);
      assert.ok(took < 1000 * crowd, `${took} ms`);
    });
  }
});

describe("what is typed is not lost", () => {
  const back = async (page) => {
    await page.locator("[data-testid=editor] .cm-content").waitFor({ state: "attached" });
    await page.locator(".lesson h1").first().waitFor({ state: "attached" });
  };

  test("by a reload right after the last key", async () => {
    const own = await site.open();
    await own.paste("kind: [broken # typed last\n");
    await own.page.reload();
    await back(own.page);
    assert.match(await own.text(), /typed last/);
    await own.close();
  });

  test("to another tab of the page that was written to later", async () => {
    const first = await site.open();
    const second = new first.constructor(await first.page.context().newPage(), site.server.origin);
    await second.page.goto(`${site.server.origin}/?lang=en`);
    await back(second.page);
    await first.paste("# of the first\n");
    await second.paste("# of the second\n");
    await second.page.waitForTimeout(600);
    for (const [lab, own] of [[first, "first"], [second, "second"]]) {
      await lab.page.bringToFront();
      await lab.page.reload();
      await back(lab.page);
      assert.equal(await lab.text(), `# of the ${own}\n`);
      assert.deepEqual(lab.errors, []);
    }
    await first.close();
  });
});
