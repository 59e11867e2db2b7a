// What the browser tests and the benches share: a file server on the loopback address, and Chromium.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const root = fileURLToPath(new URL("../..", import.meta.url));

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".md": "text/markdown; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
};

/**
 * Serves folders of the repository as any static host would: `mounts` maps a path to a folder or to { text, type }.
 * Gives the origin and a way to stop; while `server.down` is set, every request fails.
 */
export async function serve(mounts) {
  const state = { down: false, asked: [] };
  const http = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://host").pathname);
    state.asked.push(path);
    if (state.down) return request.socket.destroy();
    const found = Object.keys(mounts)
      .filter((mount) => path.startsWith(mount))
      .sort((a, b) => b.length - a.length)[0];
    const mounted = mounts[found];
    if (mounted?.text !== undefined) {
      response.writeHead(200, { "content-type": mounted.type ?? types[".html"], ...mounted.headers });
      return response.end(mounted.text);
    }
    let file = found && join(root, mounted, normalize(`/${path.slice(found.length)}`));
    if (file && existsSync(file) && statSync(file).isDirectory()) file = join(file, "index.html");
    if (!file || !existsSync(file)) {
      response.writeHead(404);
      return response.end();
    }
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream", "cache-control": "max-age=600" });
    response.end(readFileSync(file));
  });
  await new Promise((done) => http.listen(0, "127.0.0.1", done));
  const stop = () => {
    http.closeAllConnections();
    return new Promise((done) => http.close(done));
  };
  return Object.assign(state, { origin: `http://127.0.0.1:${http.address().port}`, stop });
}

const which = (name) => {
  try {
    return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
  } catch {
    return "";
  }
};

/** Chromium with a fresh profile; `make test` has installed one. CHROMIUM names another. */
export async function browser(...more) {
  const executablePath = process.env.CHROMIUM || ["chromium", "chromium-browser", "google-chrome"].map(which).find(Boolean);
  if (!executablePath) throw new Error("no Chromium here: run `tools/setup browser`");
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", ...more];
  return chromium.launch({ executablePath, args, headless: true });
}
