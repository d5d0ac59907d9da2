// Keeps the page up to date in place: asks for it anew, and changes what has changed and nothing else, so that
// scrolling, focus and selection stay. Runs as it is, in whatever browser an operator has.
(() => {
  const everyMs = 2500;
  const patienceMs = 5000;
  const live = document.getElementById("live");
  const connection = document.getElementById("connection");
  let lostSince;
  let timer;
  let asking;

  function settle(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const before = [...old.childNodes];
    const after = [...fresh.childNodes];
    for (const [index, child] of after.entries()) {
      if (index < before.length) settle(before[index], child);
      else old.append(document.importNode(child, true));
    }
    for (const child of before.slice(after.length)) child.remove();
  }

  function show(page) {
    // Another version of the plugin: its style and script, too, are others.
    if (page.documentElement.dataset.build !== document.documentElement.dataset.build) {
      location.reload();
      return;
    }
    settle(live, page.getElementById("live"));
    document.title = page.title;
    settle(document.querySelector("link[rel=icon]"), page.querySelector("link[rel=icon]"));
  }

  function found() {
    lostSince = undefined;
    connection.textContent = "";
    document.documentElement.classList.remove("lost");
  }

  function lost() {
    if (lostSince !== undefined) return;
    lostSince = new Date();
    const clock = lostSince.toISOString().slice(11, 19);
    connection.textContent = `Connection lost since ${clock} UTC. This is what was known then.`;
    document.documentElement.classList.add("lost");
  }

  async function refresh() {
    clearTimeout(timer);
    if (document.hidden || asking) return;
    asking = true;
    try {
      const response = await fetch(location.pathname, {
        cache: "no-store",
        signal: AbortSignal.timeout(patienceMs),
      });
      if (!response.ok) throw new Error(response.statusText);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      // A proxy's own page, say.
      if (page.getElementById("live") === null) throw new Error("not the status page");
      show(page);
      found();
    } catch {
      lost();
    } finally {
      asking = false;
      if (!document.hidden) timer = setTimeout(refresh, everyMs);
    }
  }

  document.addEventListener("visibilitychange", refresh);
  timer = setTimeout(refresh, everyMs);
})();
