// Keeps the page up to date in place: fetches it again and changes only the nodes that differ, so that scrolling,
// focus and selection stay. Runs as it is, in any current browser.
(() => {
  const everyMs = 2500;
  const timeoutMs = 5000;
  const live = document.getElementById("live");
  const connection = document.getElementById("connection");
  let lostSince;
  let timer;
  let isFetching;

  function update(old, fresh) {
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
      if (index < before.length) update(before[index], child);
      else old.append(document.importNode(child, true));
    }
    for (const child of before.slice(after.length)) child.remove();
  }

  function show(page) {
    // Another version of the plugin has another style and script.
    if (page.documentElement.dataset.build !== document.documentElement.dataset.build) {
      location.reload();
      return;
    }
    update(live, page.getElementById("live"));
    document.title = page.title;
    update(document.querySelector("link[rel=icon]"), page.querySelector("link[rel=icon]"));
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
    connection.textContent = `Connection lost since ${clock} UTC. Showing the last known state.`;
    document.documentElement.classList.add("lost");
  }

  async function refresh() {
    clearTimeout(timer);
    if (document.hidden || isFetching) return;
    isFetching = true;
    try {
      const response = await fetch(location.pathname, {
        cache: "no-store",
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (!response.ok) throw new Error(response.statusText);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      // For example a proxy's error page.
      if (page.getElementById("live") === null) throw new Error("not the status page");
      show(page);
      found();
    } catch {
      lost();
    } finally {
      isFetching = false;
      if (!document.hidden) timer = setTimeout(refresh, everyMs);
    }
  }

  document.addEventListener("visibilitychange", refresh);
  timer = setTimeout(refresh, everyMs);
})();
