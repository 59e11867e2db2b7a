// An Ingress in the page: paper while nobody reads it, served by the addon's controller, and which rule won or lost.
// Pictures go to target/screenshots/.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { visit, web } from "./page.mjs";

const site = visit();

const manifest = `${web()}---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 9090}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations: {nginx.ingress.kubernetes.io/ssl-redirect: "false", nginx.ingress.kubernetes.io/ssl-redirekt: "true"}
spec:
  rules:
    - http:
        paths:
          - path: /api/hello
            pathType: Prefix
            backend: {service: {name: web, port: {number: 9090}}}
          - path: /api/other
            pathType: Exact
            backend: {service: {name: web, port: {number: 9090}}}
`;

const how = {
  en: { paper: /paper: no controller of this class runs here/, wins: /It wins\./, lost: /Its path does not match\./, refused: /refused 1/, archived: /archived in 2026/ },
  zh: { paper: /这里没有运行该类的控制器/, wins: /选中它。/, lost: /路径不匹配。/, refused: /1/, archived: /2026 年归档/ },
};

/** Sends what the row says, and waits until all of it has come to an end. */
async function send(lab, count, url) {
  await lab.at("traffic-url").fill(url);
  await lab.at("traffic-count").selectOption(String(count));
  await lab.at("traffic-send").click();
  await lab.page.waitForTimeout(700);
  await lab.page.locator("[data-testid=stage]").focus();
  await lab.page.keyboard.press("End");
  await lab.page.waitForTimeout(200);
}
const answers = async (lab) => (await lab.at("inspector").locator(".stat").innerText()).replaceAll("\n", " ");
const hops = (lab) => lab.at("inspector").locator("[data-hop]");

describe("an Ingress", { timeout: 240_000 }, () => {
  for (const [lang, theme] of [["en", "light"], ["zh", "dark"]]) {
    test(`in ${lang}: paper, then served by a controller, and why a rule lost`, async () => {
      const said = how[lang];
      const lab = await site.open({ lang, theme, query: "&profile=minikube" });
      await lab.edit(manifest);
      await lab.until("kubectl get pod", (text) => (text.match(/1\/1\s+Running/g) ?? []).length === 3);

      await send(lab, 1, "http://192.168.49.2/api/hello");
      assert.match(await answers(lab), said.refused);
      await hops(lab).last().locator("button").click();
      await lab.page.waitForTimeout(200);
      assert.match(await lab.at("paper").innerText(), said.paper);
      await lab.shot(`ingress-1-paper-${lang}`);

      await lab.run("minikube addons enable ingress");
      await lab.until("kubectl get ingress", (text) => text.includes("192.168.49.2"));
      await lab.page.waitForTimeout(300);
      const drawn = await lab.page.locator("svg.stage [data-pod^='ingress-nginx/ingress-nginx-controller']").count();
      assert.ok(drawn > 0, "the controller is a pod of its own in the picture");
      const shown = await lab.page.locator("svg.stage").innerHTML();
      assert.match(shown, /Service web/, "the learner's Service stays in focus");
      assert.match(shown, />ingress-/, "the controller's pod has its name");
      await send(lab, 9, "http://192.168.49.2/api/hello");
      assert.match(await answers(lab), /200 9/);
      const counts = (await lab.at("inspector").locator(".bars b").allInnerTexts()).map(Number).filter((n) => n > 0);
      assert.deepEqual(counts, [3, 3, 3], "the controller takes the replicas in turn");
      await lab.page.keyboard.press("1");
      await lab.page.waitForTimeout(200);
      const rules = lab.at("compared");
      for (let i = 0, n = await hops(lab).count(); i < n && !(await rules.count()); i++) {
        await hops(lab).nth(i).locator("button").click();
        await lab.page.waitForTimeout(150);
      }
      assert.equal(await lab.at("inspector").locator("li.now.rpl").count(), 0, "it compares the request, not the answer");
      assert.match(await rules.innerText(), said.wins);
      assert.match(await rules.innerText(), said.lost);
      await lab.shot(`ingress-2-routed-${lang}`);
      await rules.getByTestId("cause").first().click();
      await lab.page.locator("[data-testid=editor] .cm-line").filter({ hasText: "path: /api/hello" }).first().waitFor();

      await send(lab, 1, "http://192.168.49.2/nowhere");
      assert.match(await answers(lab), /404 1/);
      await lab.page.keyboard.press("1");
      for (let i = 0, n = await hops(lab).count(); i < n && !(await rules.count()); i++) {
        await hops(lab).nth(i).locator("button").click();
        await lab.page.waitForTimeout(150);
      }
      assert.equal(await rules.locator("li.lost").count(), 2);
      assert.equal(await rules.locator("li.won").count(), 0);
      await lab.shot(`ingress-3-not-found-${lang}`);

      await lab.choose('[data-object="Service/default/web"]');
      await lab.at("ingresses").locator("button").first().click();
      assert.match(await lab.at("ingress-reader").innerText(), /ingress-nginx-controller-/);
      assert.match(await lab.at("inspector").innerText(), said.archived);
      assert.match(await lab.at("ingress-notes").innerText(), /metadata\.annotations.*ssl-redirekt/);
      await lab.page.waitForTimeout(200);
      await lab.shot(`ingress-4-object-${lang}`);
      assert.deepEqual([...new Set(await lab.axe())], []);
      await lab.close();
    });
  }

  test("the tutorial's story: its lesson, its node ports, and an answer from every replica", async () => {
    const lab = await site.open({ query: "&lesson=ingress" });
    await lab.run("kubectl apply -f deploy.yaml -f svc-cluster.yaml -f ingress.yaml");
    await lab.run("minikube addons enable ingress");
    await lab.until("kubectl get ingress", (text) => /test-ingress\s+nginx\s+\*\s+192\.168\.49\.2\s+80/.test(text) || /test-ingress\s+<none>\s+\*\s+192\.168\.49\.2\s+80/.test(text), 60_000);
    const services = await lab.run("kubectl get svc -n ingress-nginx");
    assert.match(services, /ingress-nginx-controller\s+NodePort\s+\S+\s+<none>\s+80:32666\/TCP,443:30206\/TCP/);
    assert.equal(await lab.run("minikube service ingress-nginx-controller -n ingress-nginx --url"), "http://192.168.49.2:32666\nhttp://192.168.49.2:30206\n");
    const answers = (await lab.run("for i in 1 2 3 4 5 6; do curl -s http://192.168.49.2:32666/api/hello; done")).trim().split("\n");
    assert.equal(answers.length, 6);
    assert.equal(new Set(answers).size, 3, answers.join("\n"));
    for (const line of answers) assert.match(line, /^test-deployment-\S+ say Hello!$/);
    await send(lab, 9, "http://192.168.49.2:32666/api/hello");
    const counts = (await lab.at("inspector").locator(".bars b").allInnerTexts()).map(Number).filter((n) => n > 0);
    assert.deepEqual(counts, [3, 3, 3]);
    await lab.shot("ingress-5-tutorial");
    await lab.close();
  });

  test("Traefik's 404 for a Service with nobody behind it says what it dropped, and what the lab chose", async () => {
    const lab = await site.open({ query: "&profile=minikube" });
    await lab.edit(`${manifest.replace("  rules:", "  ingressClassName: traefik\n  rules:").replace("selector: {app: web}\n  ports", "selector: {app: nobody}\n  ports")}`);
    await lab.run("minikube addons enable traefik");
    await lab.until("kubectl get pods -n kube-system", (text) => /traefik-\S+\s+1\/1/.test(text));
    assert.ok(await lab.page.locator("svg.stage [data-pod^='kube-system/traefik']").count(), "the controller is a pod of the picture");
    await send(lab, 1, "http://192.168.49.2/api/hello");
    assert.match(await answers(lab), /404 1/);
    await lab.page.keyboard.press("1");
    const rules = lab.at("compared");
    for (let i = 0, n = await hops(lab).count(); i < n && !(await rules.count()); i++) {
      await hops(lab).nth(i).locator("button").click();
      await lab.page.waitForTimeout(150);
    }
    assert.match(await rules.innerText(), /Traefik drops such a rule \(where allowEmptyServices is set/);
    await lab.shot("ingress-6-traefik");
    await lab.close();
  });
});
