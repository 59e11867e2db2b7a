// What Trunk leaves to do, in its staging folder, before that becomes dist/:
// - in a release, wasm-opt, the split of the program (tools/split.mjs) and minifying, after which files are named by their
//   new content;
// - kubehop.js, a name for other pages that stays the same from release to release;
// - in a release, the service worker: its list of files, and its registration once the page is in use.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { smaller, split, withRest } from "./split.mjs";
import { file, sections } from "./wasm.mjs";

const dist = process.env.TRUNK_STAGING_DIR ?? "dist";
const release = process.env.TRUNK_PROFILE === "release";
const read = (name) => readFileSync(join(dist, name), "utf8");
const write = (name, text) => writeFileSync(join(dist, name), text);
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);
const files = () =>
  readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(dist.length + 1))
    .sort();

/** Trunk's name for the file that `kind` ends: kubehop-0123456789abcdef.js and the like. */
const find = (kind) => files().find((name) => /^kubehop-[0-9a-f]+/.test(name) && name.endsWith(kind));

// The features that rustc turns on for wasm32-unknown-unknown; wasm-opt must be told.
const features = ["bulk-memory", "nontrapping-float-to-int", "sign-ext", "mutable-globals", "reference-types", "multivalue"];

/** The program without what compilers and the linker noted in it. */
const withoutNotes = (bytes) => file(sections(bytes).filter(({ id }) => id !== 0));

/** Gives a file a name with the hash of its content, in index.html and in `users` too. */
function rename(name, ...users) {
  const to = name.replace(/[0-9a-f]{8,}/, hash(readFileSync(join(dist, name))));
  renameSync(join(dist, name), join(dist, to));
  for (const user of ["index.html", ...users]) write(user, read(user).replaceAll(name, to));
  return to;
}

let rest;
if (release) {
  const wasm = find("_bg.wasm");
  const path = join(dist, wasm);
  const flags = features.map((name) => `--enable-${name}`);
  writeFileSync(path, withoutNotes(readFileSync(path)));
  execFileSync("node_modules/.bin/wasm-opt", [path, "-o", path, ...smaller, ...flags], { stdio: "inherit" });
  rest = await split(dist, wasm, find(".js"), flags);
  if (rest) {
    const to = rest.replace(/[0-9a-f]{8,}/, hash(readFileSync(join(dist, rest))));
    renameSync(join(dist, rest), join(dist, to));
    rest = to;
    write(find(".js"), withRest(read(find(".js")), rest));
  }
  const { transformSync } = await import("esbuild");
  const minify = (name, options) => write(name, transformSync(read(name), { minify: true, legalComments: "none", ...options }).code);
  for (const name of files()) {
    if (name.endsWith(".css")) minify(name, { loader: "css" });
    else if (name.endsWith(".js") && /^(kubehop-|snippets\/)/.test(name)) minify(name, { loader: "js", format: "esm", target: "es2022" });
  }
  rename(wasm, find(".js"));
  for (const name of files().filter((name) => /-[0-9a-f]{8,}\.(css|js)$/.test(name) && !name.includes("/"))) rename(name);
}

const glue = find(".js");
const program = find("_bg.wasm");
write(
  "kubehop.js",
  `import init${rest ? ", { whole }" : ""} from "./${glue}";
export * from "./${glue}";
export default async (input) => {
  const exports = await init(input ?? { module_or_path: new URL("./${program}", import.meta.url) });
  ${rest ? "await whole();\n  " : ""}return exports;
};
`,
);
const types = find(".d.ts");
if (types) renameSync(join(dist, types), join(dist, "kubehop.d.ts"));

if (release) {
  const whole = rest ? `globalThis.kubehopWhole = new Promise((here) => addEventListener("TrunkApplicationStarted", () => import("./${glue}").then(({ whole }) => whole()).then(here, () => {})));` : "";
  const register = `${whole} addEventListener("TrunkApplicationStarted", () => { navigator.serviceWorker?.register("./sw.js").catch(() => {}); });`;
  write("index.html", read("index.html").replace("</head>", `<script type="module">${register}</script></head>`));
  const list = files().filter((name) => name !== "sw.js" && !name.endsWith(".d.ts"));
  const release = hash(list.map((name) => name + hash(readFileSync(join(dist, name)))).join("\n"));
  const rows = list.map((name) => [name, /-[0-9a-f]{16}(_bg|_rest)?\.\w+$/.test(name) ? "hashed" : ""]);
  const worker = read("sw.js").replace('const RELEASE = "";', `const RELEASE = "${release}";`).replace("const FILES = [];", `const FILES = ${JSON.stringify(rows)};`);
  write("sw.js", worker);
}
