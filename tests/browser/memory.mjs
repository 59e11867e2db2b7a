// What a page holds in memory, after a forced collection.

/** Loads the page again so that the memory of its program is known; gives a way to ask how many megabytes heap and program hold. */
export async function remember(lab) {
  await lab.page.addInitScript(() => {
    for (const name of ["instantiate", "instantiateStreaming"]) {
      const real = WebAssembly[name];
      WebAssembly[name] = async (...args) => {
        const made = await real.apply(WebAssembly, args);
        const { memory } = (made.instance ?? made).exports;
        if (memory) window.programMemory = memory;
        return made;
      };
    }
  });
  await lab.page.reload();
  await lab.page.locator("[data-testid=editor] .cm-content").waitFor({ state: "attached" });
  const cdp = await lab.page.context().newCDPSession(lab.page);
  await cdp.send("HeapProfiler.enable");
  return async () => {
    await cdp.send("HeapProfiler.collectGarbage");
    const { usedSize } = await cdp.send("Runtime.getHeapUsage");
    const program = await lab.page.evaluate(() => window.programMemory.buffer.byteLength);
    return { heap: usedSize / 1e6, program: program / 1e6 };
  };
}
