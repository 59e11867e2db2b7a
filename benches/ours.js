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
  ready300() {
    const lab = new Lab({ profile: "multinode" });
    const start = performance.now();
    lab.apply(deployment(300) + service("web"));
    for (let i = 0; !lab.exec("kubectl get deployment web").stdout.includes("300/300"); i++) {
      if (i > 1000) throw new Error(lab.exec("kubectl get deployment web").stdout);
      lab.advance(1000);
    }
    return performance.now() - start;
  },
  requests() {
    const lab = new Lab({});
    lab.apply(deployment(3) + service("web"));
    untilAnswered(lab);
    return (100 * 1000) / mean(1000, () => lab.request(request(100)));
  },
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
