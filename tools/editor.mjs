// Bundles src/view/editor.js with CodeMirror into target/editor/editor.js, unless that is up to date.
// Trunk runs this before every build; it needs no network.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";

const inputs = ["src/view/editor.js", "src/view/editor_help.js", "src/view/editor_look.js", "src/view/editor_marks.js", "package-lock.json", "tools/editor.mjs"];
const out = "target/editor/editor.js";
const stamp = "target/editor/inputs.sha256";

const read = (path) => {
  try {
    return readFileSync(path);
  } catch {
    return "";
  }
};
const hash = createHash("sha256");
for (const path of inputs) hash.update(readFileSync(path));
const now = hash.digest("hex");

if (String(read(stamp)) !== now || !read(out)) {
  const { build } = await import("esbuild").catch(() => {
    console.error("The npm packages are missing: run `make setup` (or `npm ci --ignore-scripts`) first.");
    process.exit(1);
  });
  mkdirSync("target/editor", { recursive: true });
  await build({
    entryPoints: ["src/view/editor.js"],
    outfile: out,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    logLevel: "warning",
  });
  writeFileSync(stamp, now);
}
