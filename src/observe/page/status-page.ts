import type { Status } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { deviceStates, deviceWords } from "../device-words.ts";
import { levelWord } from "../log-level.ts";
import { poolViews } from "../pool-views.ts";
import { otherOfferSentences, type Summary, summarise } from "../summary.ts";
import { deviceCard, deviceCell } from "./device-card.ts";
import { eventList } from "./event-list.ts";
import { foreign, Html, html } from "./html.ts";
import { className, icon, iconSheet } from "./icons.ts";
import script from "./status-page.client.js" with { type: "text" };
import style from "./status-page.css" with { type: "text" };
import { ageElement, clockTime } from "./times.ts";

/** From this number on, cards are smaller and follow a map of all devices. */
const manyDevices = 25;

/** Uses Bun's own hasher: node:crypto would be loaded for this alone. */
const digest = (text: string) =>
  `sha256-${new Bun.CryptoHasher("sha256").update(text).digest("base64")}`;
const styleDigest = digest(style);
const scriptDigest = digest(script);

/**
 * Allows the page to apply its one style, run its one script, fetch itself and show its own icon. Everything else is
 * forbidden, so that a name that got past the escaping could still do nothing (https://www.w3.org/TR/CSP3/).
 */
export const pagePolicy = [
  "default-src 'none'",
  `style-src '${styleDigest}'`,
  `script-src '${scriptDigest}'`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * Renders the status as one self-contained page. It works without its script, which only updates it in place.
 *
 * @param now ms since the epoch, for ages.
 */
export function renderStatusPage(status: Status, now: number): string {
  const summary = summarise(status);
  const node = status.nodeName || "this node";
  return html`<!doctype html>
<html lang="en" data-build="${styleDigest} ${scriptDigest}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${node}: ${summary.sentence}</title>
<link rel="icon" href="${favicon(summary)}">
<noscript><meta http-equiv="refresh" content="5"></noscript>
<style>${new Html(style)}</style>
</head>
<body>
${iconSheet}
<p id="connection" role="status" aria-live="polite"></p>
<div id="live">
${masthead(status, summary, now)}
<main>
${devicesOf(status, now)}
<section aria-labelledby="events">
<h2 id="events">Events</h2>
${eventList(status.events, now)}
</section>
</main>
<footer>
<p>As of ${clockTime(status.observedAt, now) ?? "an unknown time"}. Times of day are UTC.</p>
<ul><li><a href="status.json">status.json</a></li><li><a href="metrics">metrics</a></li><li><a href="readyz">readyz</a></li></ul>
</footer>
</div>
<script>${new Html(script)}</script>
</body>
</html>
`.toString();
}

function masthead(status: Status, { level, sentence }: Summary, now: number): Html {
  const isOne = poolViews(status).length === 1;
  return html`<header>
<p class="product">Video Device Plugin <span class="version">${foreign(status.version)}</span></p>
<h1>${foreign(status.nodeName || "this node")}</h1>
<p class="summary ${level}" role="status" aria-live="polite">${icon(level)}<span>${sentence}</span></p>
<dl class="facts">
${isOne && registrationFacts(status, now)}
${podResourcesFact(status)}
${isOne && deviceFacts(status)}
<div><dt>Running for</dt><dd>${ageElement(status.startedAt, now) ?? "unknown"}</dd></div>
<div><dt>Log level</dt><dd>${levelWord(status.logLevel)}</dd></div>
</dl>
</header>`;
}

function registrationFacts({ resourceName, kubelet }: Status, now: number): Html {
  const since = ageElement(kubelet?.since, now);
  const reason = kubelet?.reason ?? "unknown";
  return html`<div class="wide"><dt>Resource</dt><dd>${foreign(resourceName)}</dd></div>
<div><dt>Kubelet</dt><dd>${kubelet?.registered ? foreign(reason) : html`<em>${foreign(reason)}</em>`}${since && html` for ${since}`}</dd></div>
${kubelet?.detail && html`<div class="wide"><dt>Registration</dt><dd><em>${foreign(kubelet.detail)}</em></dd></div>`}`;
}

function podResourcesFact({ kubelet }: Status): Html {
  const answer = kubelet?.podResourcesAnswers
    ? html`answers`
    : html`<em>${foreign(kubelet?.podResourcesError || "has not answered yet")}</em>`;
  return html`<div><dt>Pod resources</dt><dd>${answer}</dd></div>`;
}

function deviceFacts(status: Status): Html {
  const { devicesDetail, driver, relay } = status;
  return html`${otherOfferSentences(status).map((sentence) => html`<div class="wide"><dt>Other plugins</dt><dd><em>${foreign(sentence)}</em></dd></div>`)}
${devicesDetail !== "" && html`<div class="wide"><dt>Devices</dt><dd><em>${foreign(devicesDetail)}</em></dd></div>`}
<div><dt>Driver</dt><dd>${foreign(driver)}</dd></div>
${relay && html`<div><dt>Relay</dt><dd>${relay.running ? "running" : html`<em>not running</em>`}</dd></div>`}`;
}

/** The devices, or those of each of several pools, with what is known of the pool. */
function devicesOf(status: Status, now: number): Html | readonly Html[] {
  const pools = poolViews(status);
  if (pools.length === 1) {
    return html`<section aria-labelledby="devices">
<h2 id="devices">Devices</h2>
${deviceList(status, now)}
</section>`;
  }
  return pools.map(
    ({ name, status: own }) => html`<section aria-labelledby="pool-${name}">
<h2 id="pool-${name}">${foreign(name)}</h2>
<dl class="facts">
${registrationFacts(own, now)}
${deviceFacts(own)}
</dl>
${deviceList(own, now)}
</section>`,
  );
}

function deviceList(status: Status, now: number): Html {
  const devices = status.devices.map((device) => ({
    device,
    words: deviceWords(device, status.kubelet),
  }));
  const legend = deviceStates.map((state) => {
    const count = devices.filter(({ words }) => words.state === state).length;
    return (
      count > 0 &&
      html`<li class="${className(state)}">${icon(state)}<span>${count} ${state}</span></li>`
    );
  });
  const many = devices.length >= manyDevices;
  return html`<ul class="legend">${legend}</ul>
${many && html`<nav aria-label="Map of all devices"><ul class="map">${devices.map(({ device, words }) => deviceCell(device, words))}</ul></nav>`}
<ul class="cards${many ? " many" : ""}">
${devices.map(({ device, words }) => deviceCard(device, words, now))}</ul>`;
}

const faviconColours: Readonly<Record<Summary["level"], string>> = {
  good: "#1d8a4e",
  warn: "#c77700",
  bad: "#d0342c",
};

/** A camera's lamp in the colour of the summary, visible on a tab in the background. */
function favicon({ level }: Summary): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${faviconColours[level]}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
