// Pictures that are kept in tests/pictures/ and compared: where the browser draws as the one that drew them does, a scene
// that looks different fails and says so by its name; where it does not, the scenes are played and nothing is compared.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { root } from "./support.mjs";

const kept = join(root, "tests/pictures");
const shown = join(root, "target/screenshots");
const record = join(kept, "browser.json");
mkdirSync(kept, { recursive: true });
mkdirSync(shown, { recursive: true });

/** Whether this run draws the pictures anew. */
export const drawing = process.env.UPDATE_PICTURES === "1";

/** So many pixels may differ in any square of so many: less than one changed digit, more than a rounded corner. */
const few = 14;
const square = 32;

/**
 * What decides how a page is drawn here: the browser's version, and its fonts, known by how wide they set some words
 * (in the page's own font stacks, whatever stands behind them).
 */
export async function drawnBy(page, browser) {
  const fonts = await page.evaluate(() => {
    const style = getComputedStyle(document.documentElement);
    const pen = document.createElement("canvas").getContext("2d");
    const words = { latin: "KUBE-SVC 10.96.0.1 gfQ@", chinese: "数据包选择算符，。", signs: "→✓×▏●⎈", bold: "Deployment" };
    const wide = {};
    for (const stack of ["ui", "mono"]) {
      for (const [name, text] of Object.entries(words)) {
        pen.font = `${name === "bold" ? 600 : 400} 100px ${style.getPropertyValue(`--font-${stack}`)}`;
        wide[`${stack} ${name}`] = Math.round(pen.measureText(text).width);
      }
    }
    return wide;
  });
  return { chromium: browser.version(), fonts };
}

/** Why pictures cannot be compared here; empty if they can. */
export function unlike(here) {
  if (!existsSync(record)) return `there is no ${record}`;
  const then = JSON.parse(readFileSync(record, "utf8"));
  const major = (version) => version.split(".")[0];
  if (major(then.chromium) !== major(here.chromium)) return `they were drawn by Chromium ${then.chromium}, this is ${here.chromium}`;
  const other = Object.keys(then.fonts).filter((name) => then.fonts[name] !== here.fonts[name]);
  return other.length ? `they were drawn with other fonts (${other.join(", ")})` : "";
}

/** Notes who draws the pictures of this run. */
export function sign(here) {
  writeFileSync(record, `${JSON.stringify(here, null, 2)}\n`);
}

/** How two pictures differ: the most pixels in any square, and a picture of them. */
function difference(a, b) {
  if (a.width !== b.width || a.height !== b.height) return { most: Infinity, said: `it is ${b.width}×${b.height}, not ${a.width}×${a.height}` };
  const shown = new PNG({ width: a.width, height: a.height });
  const most = pixelmatch(a.data, b.data, shown.data, a.width, a.height, { threshold: 0.08, windowSize: square });
  return { most, shown, said: `${most} pixels of a square of ${square} differ` };
}

/** Keeps a picture. */
export function keep(name, bytes) {
  writeFileSync(join(kept, `${name}.png`), packed(PNG.sync.read(bytes)));
}

/**
 * A picture as a PNG with a palette, a quarter as long as one without: the colours it has most, then others, as many as
 * there have to be so that none is further off than needed. Screenshots are opaque.
 */
function packed({ width, height, data }) {
  const often = new Map();
  const at = (i) => (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
  for (let i = 0; i < data.length; i += 4) often.set(at(i), (often.get(at(i)) ?? 0) + 1);
  const colours = [...often.keys()].sort((a, b) => often.get(b) - often.get(a) || a - b);
  const apart = (a, b) => Math.max(Math.abs((a >> 16) - (b >> 16)), Math.abs(((a >> 8) & 255) - ((b >> 8) & 255)), Math.abs((a & 255) - (b & 255)));
  // Areas keep their very colour; between those, and edges of letters, near ones share.
  const areas = colours.slice(0, 112);
  let palette;
  for (let far = 0; !palette; far += 1) {
    const chosen = [...areas];
    const fits = colours.slice(areas.length).every((colour) => chosen.some((other) => apart(colour, other) <= far) || chosen.push(colour) <= 256);
    if (fits) palette = chosen;
  }
  const nearest = new Map(colours.map((colour) => [colour, palette.reduce((best, other, i) => (apart(colour, other) < apart(colour, palette[best]) ? i : best), 0)]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 4) rows[y * (width + 1) + 1 + x] = nearest.get(at(i));
  }
  const chunk = (type, body) => {
    const named = Buffer.concat([Buffer.from(type), body]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const plte = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  const parts = [chunk("IHDR", header), chunk("PLTE", plte), chunk("IDAT", deflateSync(rows, { level: 9 })), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), ...parts]);
}

/** The same scene, played twice, is the same picture. */
export function same(name, one, two) {
  const { most, said } = difference(PNG.sync.read(one), PNG.sync.read(two));
  if (most > 0) {
    writeFileSync(join(shown, `${name}.first.png`), one);
    writeFileSync(join(shown, `${name}.second.png`), two);
  }
  assert.equal(most, 0, `${name}: played twice, ${said}; see target/screenshots/${name}.*.png`);
}

/** Compares a picture with the one that is kept; on a difference both, and where they differ, go to target/screenshots/. */
export function compare(name, bytes) {
  const file = join(kept, `${name}.png`);
  assert.ok(existsSync(file), `${name} has no picture in tests/pictures/: look at it, then run make screenshots`);
  const { most, shown: where, said } = difference(PNG.sync.read(readFileSync(file)), PNG.sync.read(bytes));
  const paths = ["actual", "diff"].map((what) => join(shown, `${name}.${what}.png`));
  for (const path of paths) rmSync(path, { force: true });
  if (most <= few) return;
  writeFileSync(paths[0], bytes);
  if (where) writeFileSync(paths[1], PNG.sync.write(where));
  assert.fail(`${name} looks different: ${said}. See ${paths.join(" and ")}; if it is meant so, run make screenshots`);
}
