// Scenes of the page, each a picture in tests/pictures/ that is reviewed by eye and then compared (pictures.mjs).
// `make screenshots` draws them anew. The page's clocks are the test's: time passes when a scene says so.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { phone, small, visit, wide } from "./page.mjs";
import { compare, drawing, drawnBy, keep, same, sign, unlike } from "./pictures.mjs";

let unlikely = "";
const site = visit({
  flags: ["--font-render-hinting=none", "--disable-lcd-text", "--force-color-profile=srgb"],
  ready: async (site) => {
    const lab = await site.open({ editor: false });
    const here = await drawnBy(lab.page, site.chrome);
    await lab.close();
    if (drawing) sign(here);
    else unlikely = unlike(here);
    if (unlikely) console.log(`SKIPPED pictures: they are not compared, ${unlikely}; the scenes are played all the same`);
  },
});

/** A page whose time stands still: it passes by `lab.pass(ms)` only. The session begins at its second zero. */
async function still(how) {
  const lab = await site.open({ ...how, before: (page) => page.clock.install({ time: 1_800_000_000_000 }) });
  const { page } = lab;
  await page.clock.pauseAt(1_800_000_600_000);
  lab.pass = (ms) => page.clock.runFor(ms);
  lab.small = (how.viewport ?? wide) === phone;
  lab.pane = async (id) => {
    if (lab.small) await lab.at(`tab-${id}`).click();
  };
  if (lab.small) await page.locator(".burger").click();
  await lab.at("reset").click();
  if (lab.small) await page.locator(".burger").click();
  await lab.pass(100);
  return lab;
}

/** Applies manifests as a reader does who pastes them, and lets the cluster come to rest. */
async function apply(lab, yaml, ms = 20_000) {
  await lab.pane("yaml");
  await lab.paste(yaml);
  await lab.page.keyboard.press("Control+Enter");
  await lab.pass(ms);
  await lab.pane("stage");
}

async function type(lab, line, ms = 100) {
  await lab.pane("terminal");
  const said = await lab.run(line);
  await lab.pass(ms);
  await lab.pane("stage");
  return said;
}

/** Sends what the row says and lets all of it land, or some time pass. */
async function send(lab, { from, url, count = 1, ms = undefined }) {
  if (from) await lab.at("traffic-from").selectOption(from);
  if (url !== undefined) await lab.at("traffic-url").fill(url);
  await lab.at("traffic-count").selectOption(String(count));
  await lab.at("traffic-send").click();
  await lab.pass(ms ?? 300);
  if (ms === undefined) {
    await lab.page.locator("[data-testid=stage]").focus();
    await lab.page.keyboard.press("End");
    await lab.pass(500);
  }
}

/** Stops the first packet at the hop whose row tells this. */
async function stop(lab, words) {
  await lab.page.locator("[data-testid=stage]").focus();
  await lab.page.keyboard.press("1");
  await lab.pass(100);
  await lab.at("inspector").locator("[data-hop]").filter({ hasText: words }).first().locator("button").click();
  await lab.pass(400);
}

const inspect = (lab, key) => lab.choose(`[data-object="${key}"]`);

const deployment = (name, replicas, more = "") => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      ${more}containers:
        - {name: hello, image: "hello:1.0", ports: [{containerPort: 9090}]}
---
`;
const service = (name, app, spec) => `apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ${app}}
  ${spec}
---
`;
const nodePort = service("web-np", "web", "type: NodePort\n  ports: [{port: 9090, nodePort: 30000}]");
const clusterIP = service("web", "web", "ports: [{port: 9090}]");
const balancer = service("shop", "web", "type: LoadBalancer\n  ports: [{port: 80, targetPort: 9090, nodePort: 30080}]");
const ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  ingressClassName: nginx
  rules:
    - http:
        paths:
          - {path: /api, pathType: Prefix, backend: {service: {name: web, port: {number: 9090}}}}
          - {path: /cart, pathType: Prefix, backend: {service: {name: empty, port: {number: 80}}}}
          - {path: /old, pathType: Exact, backend: {service: {name: broken, port: {number: 80}}}}
---
`;
const eight = `apiVersion: kubehop.dev/v1
kind: Lab
metadata: {name: eight}
spec:
  profile: multinode
  nodes:
${[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `    - {name: n${n}, address: 192.168.50.1${n}, podCIDR: 10.244.${n}.0/24}`).join("\n")}
---
`;

/** The lesson's first files, applied; one request from the node, stopped where the kernel writes a pod's address. */
async function lesson(lab) {
  await type(lab, "kubectl apply -f deploy.yaml -f svc.yaml", 10_000);
  const [, address] = (await type(lab, "kubectl get svc test-svc-cluster")).match(/ClusterIP\s+(\S+)/);
  await send(lab, { from: "node/minikube", url: `http://${address}:9090/api/hello`, count: 9 });
  await stop(lab, "DNAT");
  return address;
}

// Name, how the page is opened, what happens, and the part that is kept (the whole window where none is named).
const scenes = [
  ["cluster-ip", {}, lesson],
  ["cluster-ip-dark", { theme: "dark" }, lesson],
  ["cluster-ip-zh", { lang: "zh" }, lesson],
  ["laptop-1024", { viewport: small }, lesson],
  ["phone", { viewport: phone }, lesson],
  ["phone-lesson-zh-dark", { viewport: phone, lang: "zh", theme: "dark" }, async (lab) => {
    await lesson(lab);
    await lab.pane("lesson");
  }],
  ["projector", {}, async (lab) => {
    await lab.at("projector").click();
    await lesson(lab);
  }],
  ["print", { theme: "dark" }, async (lab) => {
    await lesson(lab);
    await lab.page.emulateMedia({ media: "print" });
    await lab.page.setViewportSize({ width: 720, height: 1020 });
    await lab.pass(100);
  }],
  ["node-port", { query: "&profile=multinode" }, async (lab) => {
    await apply(lab, `${deployment("web", 2, "nodeSelector: {kubernetes.io/hostname: minikube-m03}\n      ")}${nodePort}`);
    await send(lab, { from: "laptop", url: "http://192.168.49.2:30000/api/hello", count: 3 });
    await stop(lab, "SNAT");
  }, ".st"],
  ["balancer-pending", { query: "&profile=minikube" }, async (lab) => {
    await apply(lab, `${deployment("web", 3)}${balancer}`);
    await inspect(lab, "Service/default/shop");
    await lab.pass(400);
  }, ".st"],
  ["balancer-cloud", { query: "&profile=cloud" }, async (lab) => {
    await apply(lab, `${deployment("web", 3)}${balancer}`, 40_000);
    await inspect(lab, "Service/default/shop");
    await lab.pass(400);
    await send(lab, { from: "internet", url: "", count: 9 });
    await stop(lab, "DNAT");
  }, ".st"],
  ["headless", { query: "&profile=multinode" }, async (lab) => {
    await apply(lab, `${deployment("web", 3)}${service("web", "web", "clusterIP: None\n  ports: [{port: 9090}]")}`);
    await type(lab, "kubectl run client --image=curlimages/curl:8.16.0 --command -- sleep infinity", 10_000);
    await send(lab, { from: "pod/default/client", url: "http://web:9090/api/hello", count: 1 });
    await stop(lab, "answer");
  }, ".st"],
  ["external-name", { query: "&profile=minikube", lang: "zh" }, async (lab) => {
    await apply(lab, `apiVersion: v1\nkind: Service\nmetadata: {name: away}\nspec: {type: ExternalName, externalName: db.example.com}\n`);
    await inspect(lab, "Service/default/away");
    await lab.pass(400);
  }, ".st"],
  ["refused", {}, async (lab) => {
    await apply(lab, `${deployment("web", 2)}${service("web", "wbe", "ports: [{port: 9090}]")}`);
    await inspect(lab, "Service/default/web");
    await send(lab, { from: "node/minikube", url: "", count: 3 });
    await lab.page.keyboard.press("1");
    await lab.pass(400);
  }],
  ["timed-out", { theme: "dark" }, async (lab) => {
    await apply(lab, `${deployment("web", 3)}${clusterIP}`);
    const [, address] = (await type(lab, "kubectl get svc web")).match(/ClusterIP\s+(\S+)/);
    await send(lab, { from: "laptop", url: `http://${address}:9090/api/hello` });
    await lab.page.keyboard.press("1");
    await lab.pass(400);
  }, ".st"],
  ["ingress", { query: "&profile=minikube" }, async (lab) => {
    await apply(lab, `${deployment("web", 3)}${clusterIP}`);
    await type(lab, "minikube addons enable ingress", 60_000);
    await apply(lab, `${deployment("web", 3)}${clusterIP}${ingress}`);
    await send(lab, { from: "laptop", url: "http://192.168.49.2/api/hello", count: 3 });
    await stop(lab, /route|rule/);
  }],
  ["ingress-503", { query: "&profile=minikube", lang: "zh", theme: "dark" }, async (lab) => {
    await apply(lab, `${deployment("web", 2)}${clusterIP}${service("empty", "nobody", "ports: [{port: 80}]")}`);
    await type(lab, "minikube addons enable ingress", 60_000);
    await apply(lab, `${deployment("web", 2)}${clusterIP}${service("empty", "nobody", "ports: [{port: 80}]")}${ingress}`);
    await send(lab, { from: "laptop", url: "http://192.168.49.2/cart" });
    await lab.page.keyboard.press("1");
    await lab.pass(400);
  }, ".st"],
  ["nodes-8", {}, async (lab) => {
    await apply(lab, `${eight}${deployment("web", 12)}${nodePort}`, 30_000);
    await send(lab, { from: "laptop", url: "http://192.168.50.11:30000/api/hello", count: 9, ms: 2500 });
  }, ".st"],
  ["pods-200", { query: "&profile=multinode" }, async (lab) => {
    await apply(lab, `${deployment("web", 200)}${nodePort}`, 60_000);
    await send(lab, { from: "laptop", url: "http://192.168.49.2:30000/api/hello", count: 60, ms: 2500 });
  }, ".st"],
  ["gallery", { query: "&profile=minikube" }, async (lab) => {
    await lab.at("open-gallery").first().click();
    await lab.pass(400);
  }],
  ["gallery-phone-zh-dark", { query: "&profile=minikube", viewport: phone, lang: "zh", theme: "dark" }, async (lab) => {
    await lab.page.locator(".burger").click();
    await lab.at("scenarios").click();
    await lab.pass(400);
  }],
  ["diagnose", { query: "&profile=minikube" }, async (lab) => {
    await apply(lab, `${deployment("web", 2)}${service("web", "wbe", "ports: [{port: 9090}]")}${service("far", "web", "ports: [{port: 80}]")}`);
    await lab.at("panel-tab-diagnose").click();
    await lab.pass(2000);
  }],
  ["changes-dark", { query: "&profile=minikube", theme: "dark" }, async (lab) => {
    await apply(lab, `${deployment("web", 3)}${nodePort}`);
    await lab.at("panel-tab-changes").click();
    await apply(lab, `${deployment("web", 3)}${nodePort.replace("app: web", "app: wbe")}`, 700);
  }],
  ["rewound", { query: "&profile=minikube" }, async (lab) => {
    await apply(lab, `${deployment("web", 3)}${clusterIP}`);
    await send(lab, { from: "node/minikube", url: "", count: 9 });
    await type(lab, "kubectl scale deployment web --replicas=0", 40_000);
    await send(lab, { from: "node/minikube", url: "", count: 9 });
    await lab.at("history").focus();
    for (let i = 0; i < 3; i++) await lab.page.keyboard.press("ArrowLeft");
    await lab.pass(500);
  }],
  ["affects", { query: "&profile=minikube" }, async (lab) => {
    await apply(lab, `${deployment("web", 3)}${clusterIP}`);
    await lab.page.locator(".cm-line", { hasText: "selector: {app: web}" }).first().click({ position: { x: 60, y: 8 } });
    await lab.pass(600);
  }],
  ["mistake", { query: "&profile=minikube" }, async (lab) => {
    await apply(lab, `${clusterIP.replace("port: 9090", "port: 9090, nodePort: 30000").replace("selector", "selecter")}`);
  }],
];

/** Plays a scene to its end and takes its picture. */
async function play([, how, deeds, part]) {
  const lab = await still(how);
  await deeds(lab);
  await lab.page.evaluate(() => document.activeElement?.blur());
  await lab.page.mouse.move(0, 0);
  const [wider, longer] = await lab.page.evaluate(() => {
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement;
    return [scrollWidth - clientWidth, matchMedia("print").matches ? 0 : scrollHeight - clientHeight];
  });
  const shot = { animations: "disabled", caret: "hide", style: ".cm-cursorLayer { visibility: hidden !important }" };
  const picture = await (part ? lab.page.locator(part) : lab.page).screenshot(shot);
  await lab.close();
  assert.ok(wider <= 0 && longer <= 0, `the page is ${wider}px wider and ${longer}px longer than its window`);
  return picture;
}

describe("scenes", { timeout: 600_000 }, () => {
  for (const scene of scenes) {
    const [name] = scene;
    test(name, async () => {
      const picture = await play(scene);
      if (drawing) {
        same(name, picture, await play(scene));
        keep(name, picture);
      } else if (!unlikely) compare(name, picture);
    });
  }
});
