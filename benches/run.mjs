// The budgets of the design (section 9), measured beside the peer in one run of one browser: medians of five.
// `make bench` builds dist/ first. ROUNDS=1 gives a quick look.
import { build } from "esbuild";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { browser, root, serve } from "../tests/browser/support.mjs";
import { measure } from "../tools/sizes.mjs";
import { frames, memory, typing } from "./frames.mjs";

const rounds = Number(process.env.ROUNDS ?? 5);
process.chdir(root);
mkdirSync("target/bench", { recursive: true });
await build({ entryPoints: ["benches/peer.js"], outfile: "target/bench/peer.js", bundle: true, minify: true, format: "esm", target: "es2022", logLevel: "warning" });

const blank = { text: '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>bench</title>' };
const server = await serve({ "/dist/": "dist", "/bench/": "target/bench", "/benches/": "benches", "/blank": blank });
const chrome = await browser();

/** One figure, in a page of its own. */
async function once(module, name) {
  const page = await chrome.newPage();
  try {
    await page.goto(`${server.origin}/blank`);
    return await page.evaluate(async ([module, name]) => (await import(module)).measures[name](), [module, name]);
  } finally {
    await page.close();
  }
}

const median = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
const digits = (value) => (value === undefined ? "" : value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3));

/** Ours and the peer's by turns, so that both meet the same weather. */
async function both(name, peer = name) {
  const [here, there] = [[], []];
  for (let i = 0; i < rounds; i++) {
    here.push(await once("/benches/ours.js", name));
    if (peer) there.push(await once("/bench/peer.js", peer));
  }
  return [median(here), peer ? median(there) : undefined];
}

const rows = [];
/** `want` says what the figures must be to each other; `figures` are ours and the peer's. */
function row(what, unit, figures, must, want) {
  const [here, there] = figures;
  const ratio = there === undefined ? "" : here < there ? `1/${digits(there / here)}` : digits(here / there);
  rows.push([what, `${digits(here)} ${unit}`, there === undefined ? "" : `${digits(there)} ${unit}`, ratio, must, want(here, there) ? "yes" : "NO"]);
  console.error(rows.at(-1).join(" | "));
}

const sizes = Object.fromEntries(measure(join(root, "dist")).map(([what, [, , brotli]]) => [what.replaceAll("*", ""), brotli / 1000]));
row("First visit, without the editor", "KB", [sizes["without the editor"]], "at most 318 KB", (here) => here <= 318);
row("First visit, with the editor", "KB", [sizes["with the editor"]], "at most 440 KB", (here) => here <= 440);
row("Boot to control plane ready", "ms", await both("boot"), "at most 1/30", (here, there) => here <= there / 30);
row("Apply 3 replicas + Service to the first answer", "ms", await both("firstAnswer"), "at most 1/50", (here, there) => here <= there / 50);
row("3 replicas ready", "ms", await both("replicas 3", "ready3"), "", () => true);
const some = await both("replicas 300", "ready300");
row("300 replicas ready", "ms", some, "at most 1/100", (here, there) => here <= there / 100);
row("5,000 replicas ready (the peer was not asked)", "ms", await both("replicas 5000", null), "growth at most linear", (here) => here <= (some[0] * 5000) / 300);
const verdicts = await both("verdicts", "requests");
row("Requests judged, verdict and counters only", "/s", verdicts, "at least 10", (here, there) => here >= 10 * there);
const traces = await both("traces", "requests");
row("Requests judged, full trace kept", "/s", traces, "at least 2", (here, there) => here >= 2 * there);
row("Requests judged, full trace given to JavaScript as JSON", "/s", await both("requests"), "", () => true);
row("Requests on a connection kept alive, full trace kept", "/s", await both("keptAlive", null), "", () => true);
for (const count of [10, 100, 1000, 5000]) {
  const held = (alone) => (here) => here >= alone / 2;
  const many = count.toLocaleString("en");
  row(`... among ${many} Services, verdict and counters only`, "/s", await both(`verdicts among ${count}`, null), "half of one Service's", held(verdicts[0]));
  row(`... among ${many} Services, full trace kept`, "/s", await both(`traces among ${count}`, null), "half of one Service's", held(traces[0]));
  const most = { 1000: 100 }[count];
  row(`A change of YAML among ${many} Services and as many pods`, "ms", await both(`change among ${count}`, null), most ? `under ${most} ms` : "", (here) => !most || here < most);
}
row("A change of YAML to the cluster's new state, a lesson's cluster", "ms", await both("change", null), "under 16 ms", (here) => here < 16);

const { median: usual, p95, worst, task, script } = await frames(chrome, server.origin);
const moves = "2,000 packets among 200 pods, processor at a quarter";
row(`Frame time, median: ${moves}`, "ms", [usual], "under 17 ms", (here) => here < 17);
row(`Frame time, 95th percentile: ${moves}`, "ms", [p95], "under 34 ms", (here) => here < 34);
row(`Frame time, longest: ${moves}`, "ms", [worst], "", () => true);
row(`Of a frame, all that the page's thread does: ${moves}`, "ms", [task], "", () => true);
row(`Of a frame, the program: ${moves}`, "ms", [script], "", () => true);
row("Longest task while typing (0: none of 50 ms)", "ms", [await typing(chrome, server.origin)], "under 50 ms", (here) => here < 50);
const held = await memory(chrome, server.origin);
row("Heap after 2,000 requests, and after 10,000", "MB", [held[10_000].heap, held[2000].heap], "growth under 4 MB", (after, before) => after < before + 4);
for (const count of [20_000, 40_000]) {
  const many = count.toLocaleString("en");
  row(`Heap after 10,000 requests, and after ${many}`, "MB", [held[count].heap, held[10_000].heap], "growth under 4 MB", (after, before) => after < before + 4);
  row(`Program's memory after 10,000 requests, and after ${many}`, "MB", [held[count].program, held[10_000].program], "growth under 4 MB", (after, before) => after < before + 4);
}

await chrome.close();
await server.stop();
console.log(`\n| what | kubehop | ${rounds === 1 ? "peer, one round" : `peer, medians of ${rounds}`} | ratio | must | met |`);
console.log("| --- | ---: | ---: | ---: | --- | --- |");
for (const columns of rows) console.log(`| ${columns.join(" | ")} |`);
