import type { Status } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { levelWord } from "../proto-log-level.ts";
import { type Verdict, verdict } from "../summary.ts";
import { deviceCard, deviceCell } from "./device-card.ts";
import { deviceKind, deviceKinds, kindWords } from "./device-state.ts";
import { eventList } from "./event-list.ts";
import { foreign, Html, html } from "./html.ts";
import { icon, iconSheet } from "./icons.ts";
import script from "./status-page.client.js" with { type: "text" };
import style from "./status-page.css" with { type: "text" };
import { clockTime, lasting } from "./times.ts";

/** From here on devices are drawn smaller, and a map of them all comes first. */
const manyDevices = 25;

/** By Bun itself, which has it loaded; node:crypto would be loaded for this alone. */
const digest = (text: string) =>
  `sha256-${new Bun.CryptoHasher("sha256").update(text).digest("base64")}`;
const styleDigest = digest(style);
const scriptDigest = digest(script);

/**
 * What the page may do: apply its one style, run its one script, ask for itself, show its own icon. Everything else is
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
 * The status as one self-contained page. It works without its script, which only spares the reader the reloading.
 *
 * @param now ms since the epoch, for "3 min ago".
 */
export function renderStatusPage(status: Status, now: number): string {
  const judged = verdict(status);
  const node = status.nodeName || "this node";
  return html`<!doctype html>
<html lang="en" data-build="${styleDigest} ${scriptDigest}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${node}: ${judged.sentence}</title>
<link rel="icon" href="${favicon(judged)}">
<noscript><meta http-equiv="refresh" content="5"></noscript>
<style>${new Html(style)}</style>
</head>
<body>
${iconSheet}
<p id="connection" role="status" aria-live="polite"></p>
<div id="live">
${masthead(status, judged, now)}
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

function masthead(status: Status, { level, sentence }: Verdict, now: number): Html {
  const { kubelet } = status;
  const since = lasting(kubelet?.since, now);
  const reason = (kubelet?.reason ?? "unknown").replaceAll("_", " ");
  const asked = kubelet?.podResourcesAnswers
    ? html`answers`
    : html`<em>${foreign(kubelet?.podResourcesError || "has not answered yet")}</em>`;
  return html`<header>
<p class="product">Video Device Plugin <span class="version">${foreign(status.version)}</span></p>
<h1>${foreign(status.nodeName || "this node")}</h1>
<p class="verdict ${level}" role="status" aria-live="polite">${icon(level)}<span>${sentence}</span></p>
<dl class="facts">
<div class="wide"><dt>Resource</dt><dd>${foreign(status.resourceName)}</dd></div>
<div><dt>Kubelet</dt><dd>${kubelet?.registered ? foreign(reason) : html`<em>${foreign(reason)}</em>`}${since && html` for ${since}`}</dd></div>
<div><dt>Pod resources</dt><dd>${asked}</dd></div>
<div><dt>Driver</dt><dd>${foreign(status.driver)}</dd></div>
<div><dt>Running for</dt><dd>${lasting(status.startedAt, now) ?? "unknown"}</dd></div>
<div><dt>Log level</dt><dd>${levelWord(status.logLevel)}</dd></div>
</dl>
</header>`;
}

function devicesOf({ devices }: Status, now: number): Html {
  const counts = new Map(deviceKinds.map((kind) => [kind, 0]));
  for (const device of devices) {
    const kind = deviceKind(device);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const legend = [...counts]
    .filter(([, count]) => count > 0)
    .map(
      ([kind, count]) =>
        html`<li class="${kind}">${icon(kind)}<span>${count} ${kindWords[kind]}</span></li>`,
    );
  const many = devices.length >= manyDevices;
  return html`<section aria-labelledby="devices">
<h2 id="devices">Devices</h2>
<ul class="legend">${legend}</ul>
${many && html`<nav aria-label="Map of all devices"><ul class="map">${devices.map(deviceCell)}</ul></nav>`}
<ul class="cards${many ? " many" : ""}">
${devices.map((device) => deviceCard(device, now))}</ul>
</section>`;
}

const faviconColours: Readonly<Record<Verdict["level"], string>> = {
  good: "#1d8a4e",
  warn: "#c77700",
  bad: "#d0342c",
};

/** A camera's lamp in the verdict's colour, so that a tab in the background tells. */
function favicon({ level }: Verdict): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${faviconColours[level]}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
