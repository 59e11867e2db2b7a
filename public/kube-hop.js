// <kube-hop>: a YAML block in an article becomes a live cluster.
//
//   <script type="module" src="https://example.org/kubehop/kube-hop.js"></script>
//   <kube-hop lang="en" theme="auto"><pre>…YAML…</pre></kube-hop>
//
// Attributes: lesson, scenario, lang (en, zh), theme (light, dark, auto), profile, seed. The YAML stands in a <pre> or a
// <script type="application/yaml">; without any, the lesson's files are shown. The lab runs in a frame of its own, so
// no style gets in or out, and is loaded when the reader comes near it; until then, and without scripts, the YAML
// itself is read. A page with a Content-Security-Policy allows this host in script-src and frame-src.

const home = new URL("./", import.meta.url);
const looks = new CSSStyleSheet();
looks.replaceSync(`
  :host { display: block; margin: 1em 0; }
  iframe { display: block; width: 100%; height: 640px; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 10px; }
  :host([ready]) slot { display: none; }
`);

/** A text as the fragment of an address holds it: deflated, then base64url. */
async function pack(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let letters = "";
  for (let i = 0; i < bytes.length; i += 8192) letters += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** YAML without the indentation that it has in the article. */
function undent(text) {
  const lines = text.replace(/^\s*\n/, "").trimEnd().split("\n");
  const depths = lines.filter((line) => line.trim()).map((line) => line.match(/^ */)[0].length);
  const depth = depths.length ? Math.min(...depths) : 0;
  return lines.map((line) => line.slice(depth)).join("\n");
}

class KubeHop extends HTMLElement {
  #frame;
  #near;
  #listen = (event) => {
    if (event.source !== this.#frame?.contentWindow || event.data?.type !== "kubehop:height") return;
    this.#frame.style.height = `${Math.ceil(event.data.height) + 2}px`;
    this.toggleAttribute("ready", true);
  };

  connectedCallback() {
    addEventListener("message", this.#listen);
    if (this.#frame) return;
    this.#near = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        this.#near.disconnect();
        this.#load();
      },
      { rootMargin: "600px" },
    );
    this.#near.observe(this);
  }

  disconnectedCallback() {
    removeEventListener("message", this.#listen);
    this.#near?.disconnect();
  }

  async #load() {
    const address = new URL(home);
    address.searchParams.set("embed", "1");
    for (const name of ["lesson", "scenario", "lang", "theme", "profile", "seed"]) {
      if (this.hasAttribute(name)) address.searchParams.set(name, this.getAttribute(name));
    }
    const yaml = [...this.querySelectorAll('pre, script[type="application/yaml"]')].map((block) => undent(block.textContent)).join("\n---\n");
    if (yaml.trim()) address.hash = `y=${await pack(`${yaml}\n`)}`;
    this.#frame = document.createElement("iframe");
    this.#frame.title = this.getAttribute("lang")?.startsWith("zh") ? "Kubernetes 网络实验" : "Kubernetes networking lab";
    this.#frame.allow = "clipboard-write";
    this.#frame.src = address;
    const shadow = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    shadow.adoptedStyleSheets = [looks];
    shadow.replaceChildren(this.#frame, document.createElement("slot"));
  }
}

if (!customElements.get("kube-hop")) customElements.define("kube-hop", KubeHop);
