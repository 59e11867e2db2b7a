// The peer, @ngrok/webernetes, doing what the budgets of the design measure. Runs in the page of benches/run.mjs.
import { BaseImage, Cluster } from "@ngrok/webernetes";

class Hello extends BaseImage {
  static imageName = "hello";
  static imageVersion = "1.0";
  defaultCommand = ["server"];
  async exec(ctx, argv) {
    if (argv[0] !== "server") return super.exec(ctx, argv);
    ctx.listenHttp(9090, async () => ({ statusCode: 200, body: "hello\n" }));
    return ctx.waitUntilKilled();
  }
}

const labels = { app: "web" };
const deployment = (replicas) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "default" },
  spec: {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "hello:1.0", ports: [{ containerPort: 9090 }] }] } },
  },
});
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default" },
  spec: { type: "NodePort", selector: labels, ports: [{ port: 9090, targetPort: 9090, nodePort: 30000, protocol: "TCP" }] },
};
const url = "http://node-1:30000/api/hello";

/** A cluster whose DNS and kube-proxy are ready, as ours are. (Its scheduler's pod stays Pending for good.) */
async function boot() {
  const cluster = new Cluster();
  cluster.registerImage(Hello);
  await cluster.init();
  for (;;) {
    const { items } = await cluster.api.corev1.listNamespacedPod({ namespace: "kube-system" });
    const ready = (pod) => pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
    if (items.filter((pod) => pod.metadata.name !== "kube-scheduler").every(ready)) return cluster;
    await pause(1);
  }
}

async function answers(cluster) {
  try {
    return (await cluster.fetch(url)).statusCode === 200;
  } catch {
    return false;
  }
}

/** Milliseconds until so many replicas are ready. */
async function ready(count) {
  const cluster = await boot();
  const start = performance.now();
  await cluster.apply([deployment(count), service]);
  for (;;) {
    const found = await cluster.api.appsv1.readNamespacedDeployment({ name: "web", namespace: "default" });
    if (found.status?.readyReplicas === count) break;
    await pause(10);
  }
  const time = performance.now() - start;
  await cluster.close?.();
  return time;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Each gives its figure: milliseconds, or requests a second. */
export const measures = {
  async boot() {
    const start = performance.now();
    const cluster = await boot();
    const time = performance.now() - start;
    await cluster.close?.();
    return time;
  },
  async firstAnswer() {
    const cluster = await boot();
    const start = performance.now();
    await cluster.apply([deployment(3), service]);
    while (!(await answers(cluster))) await pause(1);
    const time = performance.now() - start;
    await cluster.close?.();
    return time;
  },
  ready3: () => ready(3),
  ready300: () => ready(300),
  async requests() {
    const cluster = await boot();
    await cluster.apply([deployment(3), service]);
    while (!(await answers(cluster))) await pause(1);
    for (let i = 0; i < 2000; i++) await cluster.fetch(url);
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < 1000) {
      for (let i = 0; i < 500; i++) await cluster.fetch(url);
      count += 500;
    }
    const rate = (count * 1000) / (performance.now() - start);
    await cluster.close?.();
    return rate;
  },
};
