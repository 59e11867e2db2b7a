// The page as a learner uses it: by its test ids, its keys and its words.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { browser, root, serve } from "./support.mjs";

const axe = readFileSync(join(root, "node_modules/axe-core/axe.min.js"), "utf8");
const pictures = join(root, "target/screenshots");
mkdirSync(pictures, { recursive: true });

export const wide = { width: 1440, height: 900 };
export const small = { width: 1024, height: 768 };
export const phone = { width: 390, height: 844 };

/**
 * For a file of tests: dist/ (or other `mounts`) served, and Chromium (with these `flags`), from before the first test until
 * after the last. `open(how)` opens the page; `ready(site)` may look at it before the first test.
 */
export function visit({ mounts = { "/": "dist" }, flags = [], ready = undefined } = {}) {
  const site = { open: (how) => open(site.chrome, site.server.origin, how) };
  before(async () => {
    site.server = await serve(mounts);
    site.chrome = await browser(...flags);
    await ready?.(site);
  });
  after(async () => {
    await site.chrome?.close();
    await site.server?.stop();
  });
  return site;
}

/** A Deployment `web` of a program that answers on 9090. */
export const web = (replicas = 3) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: hello, image: "hello:1.0", ports: [{containerPort: 9090}]}
`;

/** Opens the page in a context of its own (fresh storage) and waits until it can be used. */
export async function open(browser, origin, { lang = "en", theme = "light", viewport = wide, path = "/", query = "", editor = true, before = undefined, ...more } = {}) {
  const context = await browser.newContext({ viewport, locale: lang === "zh" ? "zh-CN" : "en-US", hasTouch: viewport === phone, ...more });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const lab = new Page(page, origin);
  await before?.(page);
  await page.goto(`${origin}${path}?lang=${lang}&theme=${theme}${query}`);
  await lab.at("editor").waitFor({ state: "attached" });
  if (editor) await page.locator("[data-testid=editor] .cm-content").waitFor({ state: "attached" });
  await page.locator(".lesson h1").first().waitFor({ state: "attached" });
  return lab;
}

export class Page {
  /** What went wrong in the page: exceptions, and what it wrote to the console as errors. */
  errors = [];
  /** Requests to any other host. */
  strangers = [];
  /** What the page itself asked for (not its service worker), by path. */
  asked = [];

  constructor(page, origin) {
    this.page = page;
    page.on("pageerror", (error) => this.errors.push(String(error.message)));
    page.on("console", (message) => message.type() === "error" && this.errors.push(message.text()));
    page.on("request", (request) => {
      this.asked.push(new URL(request.url()).pathname);
      if (!request.url().startsWith(origin) && !/^(data|blob):/.test(request.url())) this.strangers.push(request.url());
    });
  }

  at(id) {
    return this.page.locator(`[data-testid="${id}"]`);
  }

  /** Runs a line in the terminal and gives what it printed. */
  async run(line) {
    const blocks = this.at("terminal-output").locator(".block");
    const before = await blocks.count();
    await this.at("terminal-input").fill(line);
    await this.at("terminal-input").press("Enter");
    await blocks.nth(before).waitFor({ state: "attached" });
    // Each chunk stands in lines of its own, whether or not its text ends one.
    return blocks.nth(before).evaluate((block) => [...block.children].slice(1).map((chunk) => chunk.textContent.replace(/\n?$/, "\n")).join(""));
  }

  /** Runs a line again and again, as a reader would, until what it prints satisfies `wanted`. */
  async until(line, wanted, ms = 15_000) {
    const end = Date.now() + ms;
    for (;;) {
      const text = await this.run(line);
      if (wanted(text)) return text;
      assert.ok(Date.now() < end, `${line} still prints:\n${text}`);
      await this.page.waitForTimeout(250);
    }
  }

  /** Opens a file's tab in the editor. */
  async file(name) {
    await this.at(`file-${name}`).click();
    await this.page.waitForTimeout(50);
  }

  /** The editor's text, whole. */
  text() {
    return this.page.evaluate(() => {
      const view = document.querySelector("[data-testid=editor] .cm-content").cmTile?.view ?? document.querySelector("[data-testid=editor] .cm-content").cmView?.view;
      return view.state.doc.toString();
    });
  }

  /** Replaces the editor's text by pasting over all of it. */
  async paste(text) {
    const content = this.page.locator("[data-testid=editor] .cm-content");
    await content.focus();
    await this.page.keyboard.press("Control+a");
    await content.evaluate((element, text) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", text);
      element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }, text);
  }

  /** Pastes and waits until it is applied, or refused. */
  async edit(text) {
    await this.paste(text);
    await this.page.keyboard.press("Control+Enter");
    await this.page.waitForTimeout(300);
  }

  /** Chooses something on the stage by its button, as a reader without a pointer does. */
  async choose(what) {
    await this.page.locator(`[data-testid=stage] ${what}, .reach ${what}`).first().evaluate((element) => element.click());
  }

  async shot(name) {
    await this.page.screenshot({ path: join(pictures, `${name}.png`) });
  }

  /** What axe finds wrong, a line each. */
  async axe() {
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")} ${node.any.map((any) => any.message).join("; ")}`));
  }

  /** Ends the visit; the page must have been well all the time. */
  async close() {
    await this.page.context().close();
    assert.deepEqual(this.errors, [], "errors in the page");
    assert.deepEqual(this.strangers, [], "requests to other hosts");
  }
}
