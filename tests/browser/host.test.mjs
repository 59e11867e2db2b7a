// dist/ as a host serves it: at any path, with no other host, later with no network, and as a module for other pages.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { firstVisit } from "../../tools/sizes.mjs";
import { Page, phone, small, visit, wide } from "./page.mjs";
import { root, serve } from "./support.mjs";

const blank = { text: '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>another page</title><h1>Another page</h1>' };
const site = visit({ mounts: { "/blog/kubehop/": "dist", "/blank": blank } });

test("below a sub-path, asking for the files of the size table and no others", async () => {
  const lab = await site.open({ path: "/blog/kubehop/" });
  assert.match(await lab.run("kubectl get node"), /minikube\s+Ready/);
  const counted = firstVisit(join(root, "dist")).flatMap(([, files]) => files);
  const asked = new Set(lab.asked.map((path) => path.replace("/blog/kubehop/", "") || "index.html"));
  const beyond = [...asked].filter((path) => !counted.includes(path) && !/^lessons\/\w+\/[\w-]+\.md$/.test(path));
  assert.deepEqual(beyond, []);
  await lab.close();
});

test("what comes after first paint is waited for where it is needed sooner", async () => {
  const page = await site.chrome.newPage();
  let refused = 0;
  await page.route("**/*_rest.wasm", (route) => (refused++ ? route.continue() : route.abort()));
  const lab = new Page(page, site.server.origin);
  await page.goto(`${site.server.origin}/blog/kubehop/?lang=en`);
  await page.locator(".lesson h1").first().waitFor({ state: "attached" });
  assert.match(await lab.run("kubectl describe node minikube"), /Name:\s+minikube/);
  const rest = lab.asked.filter((path) => path.endsWith("_rest.wasm"));
  assert.equal(rest.length, refused);
  assert.ok(rest.length === 2 || rest.length === 0, `asked ${rest.length} times`); // none where the build could not split
  lab.errors.length = 0; // the browser's own line about the refused file
  await lab.close();
});

test("the first half has all the texts that it shows", async () => {
  for (const [query, viewport] of [["?lang=en", wide], ["?lang=en", small], ["?lang=zh", wide], ["?lang=zh", phone]]) {
    const seen = [];
    for (const whole of [false, true]) {
      const page = await site.chrome.newPage();
      await page.setViewportSize(viewport);
      if (!whole) await page.route("**/*_rest.wasm", (route) => route.abort());
      await page.goto(`${site.server.origin}/blog/kubehop/${query}`);
      await page.locator(".lesson h1").first().waitFor({ state: "attached" });
      await page.locator("[data-testid=editor] .cm-content").waitFor({ state: "attached" });
      // Diagnose waits for the second half, and says so.
      const words = () => {
        document.querySelectorAll("[data-testid=diagnose], [data-testid=diagnose-count]").forEach((panel) => panel.remove());
        return document.body.textContent.replace(/\d+(\.\d+)?/g, "#");
      };
      await page.waitForFunction(() => document.querySelector(".task")?.textContent.length > 20);
      seen.push(await page.evaluate(words));
      await page.close();
    }
    assert.ok(!seen[0].includes("\0"), query);
    assert.equal(seen[0], seen[1], query);
  }
});

test("with no network after the first visit", async () => {
  const lab = await site.open({ path: "/blog/kubehop/" });
  await lab.page.evaluate(() => navigator.serviceWorker.ready);
  site.server.down = true;
  try {
    await lab.page.reload();
    await lab.page.locator("[data-testid=editor] .cm-content").waitFor({ state: "attached" });
    assert.match(await lab.run("kubectl get node"), /minikube\s+Ready/);
    await lab.at("lang").click();
    await lab.page.locator("html[lang^=zh] .lesson h1").waitFor();
  } finally {
    site.server.down = false;
  }
  lab.errors.length = 0; // the browser's own line about the worker it could not ask for
  await lab.close();
});

test("the same seed gives the same trace here and on the command line", async () => {
  const yaml = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: test-deployment
spec:
  replicas: 3
  selector: {matchLabels: {app: test-label}}
  template:
    metadata: {labels: {app: test-label}}
    spec: {containers: [{name: hello, image: "hello:1.0"}]}
---
apiVersion: v1
kind: Service
metadata:
  name: test-svc-cluster
spec:
  clusterIP: 10.96.0.77
  selector: {app: test-label}
  ports: [{port: 9090, targetPort: 9090}]
`;
  const lines = ["sleep 10", "kubectl get pod -o wide", "trace -n 9 -o json --from node/minikube http://10.96.0.77:9090/api/hello", "trace -n 1 -o json http://10.96.0.77:9090/"];
  const folder = mkdtempSync(join(tmpdir(), "kubehop-"));
  writeFileSync(join(folder, "app.yaml"), yaml);
  const page = await site.chrome.newPage();
  await page.goto(`${site.server.origin}/blank`);
  for (const [profile, seed] of [["minikube", 42], ["multinode", 7], ["minikube", 123456789]]) {
    const native = lines.map((_, i) =>
      execFileSync(join(root, "target/debug/kubehop"), ["-q", "--no-settle", "-p", profile, "-s", String(seed), "-f", join(folder, "app.yaml"), ...lines.slice(0, i + 1).flatMap((line) => ["-c", `${line} || true`])], { encoding: "utf8" }),
    );
    const here = await page.evaluate(
      async ({ profile, seed, yaml, lines }) => {
        const { default: init, Lab } = await import("/blog/kubehop/kubehop.js");
        await init();
        const lab = new Lab({ profile, seed });
        lab.apply(yaml);
        return lines.map((line) => lab.exec(line).stdout);
      },
      { profile, seed, yaml, lines },
    );
    assert.deepEqual(here, native, `${profile}, seed ${seed}`);
    assert.equal(JSON.parse(here[2]).length, 9);
  }
  await page.close();
});

test("a YAML block in an article becomes a live cluster", async () => {
  const yaml = "apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\nspec:\n  selector: {app: shop}\n  ports: [{port: 80}]\n";
  const article = await serve({
    "/blog/kubehop/": "dist",
    "/": {
      text: `${blank.text}<p style="height:1500px">Far down:</p><kube-hop lang="zh"><pre>\n    ${yaml.replaceAll("\n", "\n    ")}</pre></kube-hop><script type="module" src="/blog/kubehop/kube-hop.js"></script>`,
      headers: { "content-security-policy": "default-src 'none'; script-src 'self'; frame-src 'self'; style-src 'unsafe-inline'; img-src data:" },
    },
  });
  const page = await site.chrome.newPage();
  await page.goto(`${article.origin}/`);
  assert.equal(await page.locator("kube-hop iframe").count(), 0, "not before the reader comes near");
  await page.locator("kube-hop").scrollIntoViewIfNeeded();
  const frame = page.frameLocator("kube-hop iframe");
  await frame.locator(".cm-content", { hasText: "name: shop" }).waitFor();
  await page.locator("kube-hop[ready]").waitFor();
  assert.match(await frame.locator("html").getAttribute("lang"), /^zh/);
  await page.screenshot({ path: join(root, "target/screenshots/embed.png") });
  await page.close();
  await article.stop();
});
