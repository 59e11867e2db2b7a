// Splits the program in two, so that the page can be used as soon as half of it is there.
//
// First come the functions that opening the page runs: Chromium opens it here with a counting copy, to find them. The rest
// follows right after; whatever calls into it sooner waits for it. Calls across go through the program's table, as
// binaryen's wasm-split makes them. Of the functions that opening runs, what it does not enter goes to the second half too
// (tools/cold.mjs); data goes with the functions that reach it (tools/data.mjs). Without wasm-split or
// Chromium the program stays whole.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { browser, root, serve } from "../tests/browser/support.mjs";
import { apart, marking } from "./cold.mjs";
import { share } from "./data.mjs";

/** The program as its linker left it, before wasm-bindgen. */
const linked = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "wasm32-unknown-unknown/release/kubehop.wasm");

/** How wasm-opt makes a program small. What is called from one place stays a function, unless it is tiny: that place may be in the other half. */
export const smaller = ["-Oz", "--one-caller-inline-max-function-size=20"];

/** What may be opened first, each in a visit of its own. */
const visits = [
  ["?lang=en", { width: 1440, height: 900 }],
  ["?lang=en&theme=light", { width: 1024, height: 768 }],
  ["?lang=zh&theme=dark", { width: 390, height: 844 }],
];

const names = { imports: /function __wbg_get_imports\(\) \{\n\s*/, start: /wasm\.__wbindgen_start\(\);/ };
const patch = (glue, name, text) => {
  if (!names[name].test(glue)) throw new Error(`wasm-bindgen's glue has no ${name} as tools/split.mjs knows it`);
  return glue.replace(names[name], text);
};

/** The glue of a program whose rest is in a file of its own. */
export function withRest(glue, rest) {
  const imports = `function __wbg_get_imports() { return { ...__first_imports(), placeholder: __placeholders }; }\nfunction __first_imports() {\n`;
  const text = `
const restUrl = new URL("./${rest}", import.meta.url);
let restIsHere = false;
function addRest(module) {
  if (restIsHere) return;
  restIsHere = true;
  new WebAssembly.Instance(module, { primary: wasm });
}
/** Is fulfilled when the whole program is here. */
export async function whole() {
  if (restIsHere) return;
  const answer = await fetch(restUrl);
  addRest(await WebAssembly.compile(await answer.arrayBuffer()));
}
// Called before the rest has come by itself: there is nothing to do but wait for it.
function restNow() {
  if (restIsHere) return;
  const ask = new XMLHttpRequest();
  ask.open("GET", restUrl, false);
  ask.overrideMimeType("text/plain; charset=x-user-defined");
  ask.send();
  addRest(new WebAssembly.Module(Uint8Array.from(ask.responseText, (letter) => letter.charCodeAt(0) & 255)));
}
const __placeholders = new Proxy({}, { get: (_, slot) => (...words) => (restNow(), wasm.table.get(Number(slot))(...words)) });
`;
  return patch(glue, "imports", imports) + text;
}

/** What `read` finds in the page after each of `visits`, the program being `other`; it is given `counted`, the program's exports. */
async function visit(dist, program, glue, other, folder, read, told) {
  cpSync(dist, folder, { recursive: true });
  writeFileSync(join(folder, program), other);
  const started = patch(readFileSync(join(folder, glue), "utf8"), "start", "globalThis.counted = wasm; wasm.__wbindgen_start();");
  writeFileSync(join(folder, glue), started);
  const server = await serve({ "/": relative(root, folder) });
  const chrome = await browser();
  const found = [];
  try {
    for (const [query, viewport] of visits) {
      const context = await chrome.newContext({ viewport });
      const page = await context.newPage();
      // What the page puts off until the second half is here (`when_whole` in src/view/browser.rs) is not for the first.
      await page.addInitScript(() => (globalThis.kubehopWhole = new Promise(() => {})));
      await page.goto(`${server.origin}/${query}`);
      await page.locator("[data-testid=editor] .cm-content").waitFor({ state: "attached" });
      await page.locator(".lesson h1").first().waitFor({ state: "attached" });
      await page.waitForTimeout(500);
      found.push(Buffer.from(await page.evaluate(read, told)));
      await context.close();
    }
  } finally {
    await chrome.close();
    await server.stop();
  }
  return found;
}

/** The program with what no visit enters as functions of their own. */
async function withoutCold(bytes, visit) {
  const { bytes: marked, base, count } = marking(bytes);
  const found = await visit(marked, ({ base, count }) => Array.from(new Uint8Array(globalThis.counted.memory.buffer, base, count)), { base, count });
  return apart(bytes, (mark) => found.some((marks) => marks[mark] === 1)).bytes;
}

/** The functions that `visits` run, as wasm-split wants to be told: the path of a file. */
async function profile(counting, folder, visit) {
  const found = await visit(readFileSync(counting), () => {
    const { memory, __write_profile } = globalThis.counted;
    const at = memory.grow(16) * 65536;
    return Array.from(new Uint8Array(memory.buffer, at, __write_profile(at, 16 * 65536)));
  });
  const files = found.map((bytes, i) => {
    writeFileSync(`${folder}-${i}`, bytes);
    return `${folder}-${i}`;
  });
  execFileSync("wasm-split", ["--merge-profiles", ...files, "-o", `${folder}-all`]);
  return `${folder}-all`;
}

/** Splits `program` in `dist`; gives the rest's name, or nothing where the machine cannot split. */
export async function split(dist, program, glue, flags) {
  if (spawnSync("wasm-split", ["--version"]).error) return console.warn("No wasm-split here (package binaryen of the system): the program stays whole.");
  const folder = mkdtempSync(join(root, "target/split-"));
  const at = join(dist, program);
  const counting = `${folder}-counting.wasm`;
  const rest = program.replace("_bg.wasm", "_rest.wasm");
  try {
    const see = (other, read, told) => visit(dist, program, glue, other, folder, read, told);
    writeFileSync(at, await withoutCold(readFileSync(at), see));
    execFileSync("wasm-split", ["--instrument", at, "-o", counting, ...flags]);
    const seen = await profile(counting, folder, see);
    execFileSync("wasm-split", [at, `--profile=${seen}`, "-o1", `${folder}-first.wasm`, "-o2", `${folder}-rest.wasm`, ...flags]);
    for (const half of ["first", "rest"]) execFileSync("node_modules/.bin/wasm-opt", [`${folder}-${half}.wasm`, "-o", `${folder}-${half}.wasm`, ...smaller, ...flags]);
    const halves = share(readFileSync(linked), readFileSync(`${folder}-first.wasm`), readFileSync(`${folder}-rest.wasm`));
    writeFileSync(at, halves.first);
    writeFileSync(join(dist, rest), halves.rest);
    return rest;
  } catch (error) {
    return console.warn(`${error.message}\nThe program stays whole.`);
  } finally {
    execFileSync("sh", ["-c", `rm -rf "${folder}" "${folder}"-*`]);
  }
}
