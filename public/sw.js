// Offline after the first visit: one cache for each release, filled after the page is in use and read before the
// network. `tools/finish.mjs` writes the two lists; without them (`trunk serve`) this worker steps aside.
const RELEASE = "";
const FILES = []; // [path, "hashed" where the name changes with the content, else ""]

const cacheName = `kubehop ${self.registration.scope} ${RELEASE}`;
const ours = (name) => name.startsWith(`kubehop ${self.registration.scope} `);
const address = (path) => new URL(path, self.registration.scope).href;

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      if (!RELEASE) return self.skipWaiting();
      const cache = await caches.open(cacheName);
      await Promise.all(
        FILES.map(async ([path, kind]) => {
          const url = address(path);
          const known = kind && (await caches.match(url));
          const answer = known || (await fetch(url, { cache: kind ? "default" : "no-cache" }));
          if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
          await cache.put(url, answer);
        }),
      );
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (ours(name) && name !== cacheName) await caches.delete(name);
      if (RELEASE) await self.clients.claim();
      else await self.registration.unregister();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (!RELEASE || request.method !== "GET" || !url.href.startsWith(self.registration.scope)) return;
  url.search = url.hash = "";
  const key = url.href === self.registration.scope ? address("index.html") : url.href;
  event.respondWith(
    (async () => {
      const cache = await caches.open(cacheName);
      return (await cache.match(key)) || fetch(request);
    })(),
  );
});
