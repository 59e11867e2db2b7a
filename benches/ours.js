// kubehop doing what the budgets of the design measure. Runs in the page of benches/run.mjs, on dist/'s own module.
import init, { Lab } from "/dist/kubehop.js";

await init();

const deployment = (replicas) => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: hello:1.0
          ports: [{containerPort: 9090}]
`;
const service = (app) => `---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  clusterIP: 10.96.0.99
  selector: {app: ${app}}
  ports: [{port: 9090, targetPort: 9090}]
`;
const request = (count) => ({ from: "node/minikube", url: "http://10.96.0.99:9090/api/hello", count });

/** Runs `work` for at least `ms`, and gives the mean time of a turn: one alone is below the clock's grain. */
function mean(ms, work) {
  const start = performance.now();
  let turns = 0;
  while (performance.now() - start < ms) {
    work();
    turns++;
  }
  return (performance.now() - start) / turns;
}

function untilAnswered(lab) {
  while (lab.request(request(1))[0].outcome.kind !== "answered") lab.advance(100);
}

/** A cluster in which three replicas answer. */
function answering() {
  const lab = new Lab({});
  lab.apply(deployment(3) + service("web"));
  untilAnswered(lab);
  return lab;
}

/** The same among so many Services of others, each with a pod. */
function among(services) {
  const lab = answering();
  let text = "";
  for (let i = 0; i < services; i++) {
    const labels = `{app: s${i}}`;
    text += `---\napiVersion: v1\nkind: Pod\nmetadata: {name: p${i}, labels: ${labels}}\nspec: {containers: [{name: c, image: "hello:1.0"}]}\n`;
    text += `---\napiVersion: v1\nkind: Service\nmetadata: {name: s${i}}\nspec: {selector: ${labels}, ports: [{port: 80, targetPort: 9090}]}\n`;
  }
  lab.apply(text);
  lab.advance(60000);
  const { outcomes } = lab.probe({ from: "node/minikube", url: `http://${lab.snapshot().Service.find(({ metadata }) => metadata.name === "s0").spec.clusterIP}/`, count: 1 });
  if (outcomes.answered !== 1) throw new Error(JSON.stringify(outcomes));
  return lab;
}

/** One measure for each size, by `NAME SIZE`. */
const growth = (name, sizes, measure) => Object.fromEntries(sizes.map((size) => [`${name} ${size}`, () => measure(size)]));

/** Each gives its figure: milliseconds, or requests a second. */
export const measures = {
  boot: () => mean(200, () => new Lab({}).free()),
  firstAnswer() {
    let spent = 0;
    let turns = 0;
    const all = mean(400, () => {
      const lab = new Lab({});
      const start = performance.now();
      lab.apply(deployment(3) + service("web"));
      untilAnswered(lab);
      spent += performance.now() - start;
      turns++;
      lab.free();
    });
    return Math.min(all, spent / turns);
  },
  requests() {
    const lab = new Lab({});
    lab.apply(deployment(3) + service("web"));
    untilAnswered(lab);
    return (100 * 1000) / mean(1000, () => lab.request(request(100)));
  },
  /** Requests judged by the rules: verdict and counters only. */
  verdicts() {
    const lab = answering();
    return (10000 * 1000) / mean(1000, () => lab.probe(request(10000)));
  },
  /** Requests judged with their traces, which are kept in the module. */
  traces() {
    const lab = answering();
    return (1000 * 1000) / mean(1000, () => lab.send(request(1000)));
  },
  /** The same over one connection that stays open. */
  keptAlive() {
    const lab = answering();
    return (1000 * 1000) / mean(1000, () => lab.send({ ...request(1000), keepAlive: true }));
  },
  ...growth("verdicts among", [10, 100, 1000, 5000], (services) => {
    const lab = among(services);
    return (10000 * 1000) / mean(1000, () => lab.probe(request(10000)));
  }),
  ...growth("traces among", [10, 100, 1000, 5000], (services) => {
    const lab = among(services);
    return (1000 * 1000) / mean(1000, () => lab.send(request(1000)));
  }),
  ...growth("change among", [10, 100, 1000, 5000], (services) => {
    const lab = among(services);
    let right = true;
    return mean(1000, () => {
      right = !right;
      lab.apply(deployment(3) + service(right ? "web" : "wbe"));
      lab.probe(request(1));
    });
  }),
  ...growth("replicas", [3, 300, 5000], (replicas) => {
    // One node has addresses for all of them; three have 254 each.
    const lab = new Lab({ profile: replicas > 700 ? "minikube" : "multinode" });
    const start = performance.now();
    lab.apply(deployment(replicas) + service("web"));
    const ready = `${replicas}/${replicas}`;
    for (let i = 0; !lab.exec("kubectl get deployment web").stdout.includes(ready); i++) {
      if (i > 1000) throw new Error(lab.exec("kubectl get deployment web").stdout);
      lab.advance(1000);
    }
    lab.probe(request(1));
    return performance.now() - start;
  }),
  change() {
    const lab = new Lab({});
    lab.apply(deployment(3) + service("web"));
    untilAnswered(lab);
    let right = true;
    return mean(500, () => {
      right = !right;
      lab.apply(deployment(3) + service(right ? "web" : "wbe"));
      lab.advance(16);
    });
  },
};
