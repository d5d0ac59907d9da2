import type { Device } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { type DeviceWords, pictureWord } from "../device-words.ts";
import { foreign, type Html, html } from "./html.ts";
import { className, icon } from "./icons.ts";
import { ageElement } from "./times.ts";

/** Renders one device, without what is unset: on a node of many, most devices are just free. */
export function deviceCard(device: Device, words: DeviceWords, now: number): Html {
  const { state } = words;
  const since = ageElement(device.since, now);
  return html`<li class="card ${className(state)}" id="${device.id}">
<h3>${foreign(device.id)}</h3>
<p class="state">${icon(state)}${foreign(label(words))}</p>
<p class="since">${since && html`<span class="words">${device.healthy ? "healthy" : state} for </span>${since}`}</p>
${device.detail && html`<p class="detail">${foreign(device.detail)}</p>`}
${ownerOf(device, now)}
${pictureOf(device)}
${cordonOf(device, state, now)}
${notesOf(device, words)}
</li>
`;
}

/** Renders a device in the map of many: its number, with the state as colour, shape and words. */
export function deviceCell(device: Device, words: DeviceWords): Html {
  const title = `${device.id}: ${label(words)}`;
  return html`<li><a class="cell ${className(words.state)}" href="#${encodeURIComponent(device.id)}" title="${title}" aria-label="${title}">${device.number}</a></li>`;
}

/** The state, or the reason if the device is unhealthy. */
function label({ state, health }: DeviceWords): string {
  return state === "unhealthy" ? health : state;
}

/** What is streamed; of a ready camera what it shows, and what the application does wrong. */
function pictureOf(device: Device): Html | undefined {
  const { format, readyCamera } = device;
  const streams = format && html` <span class="label">streams</span> ${foreign(format)}`;
  const picture = pictureWord(device);
  if (picture === "") return streams ? html`<p class="format">${streams}</p>` : undefined;
  return html`<p class="format"><span class="label">shows</span> ${picture === "application" ? "the application" : "the placeholder"}${streams && html`,${streams}`}</p>
${readyCamera?.problem && html`<p class="detail">${foreign(readyCamera.problem)}</p>`}`;
}

function ownerOf({ owner }: Device, now: number): Html | undefined {
  if (owner === undefined) return undefined;
  const { namespace, pod, container } = owner;
  const age = ageElement(owner.since, now);
  const duration = age && html` for ${owner.sinceIsExact ? "" : "more than "}${age}`;
  return html`<p class="owner"><span class="label">pod</span> <strong>${foreign(pod)}</strong>
<span class="where">${foreign(container)} in ${foreign(namespace)}${duration}</span></p>`;
}

/** The note of a cordon, and the word itself unless the state is the same. */
function cordonOf({ cordon }: Device, state: DeviceWords["state"], now: number): Html | undefined {
  if (cordon === undefined) return undefined;
  const since = ageElement(cordon.since, now);
  const word = state === "cordoned" ? undefined : html`cordoned${since && html` for ${since}`}`;
  if (cordon.note === "") return word && html`<p class="cordon">${word}</p>`;
  return html`<p class="cordon">${word && html`${word}: `}<q>${foreign(cordon.note)}</q></p>`;
}

function notesOf({ resets, repairs }: Device, { note, signal }: DeviceWords): Html | undefined {
  const parts = [
    ...[signal, note].filter((word) => word !== ""),
    ...(resets > 0 ? [counted(resets, "reset")] : []),
    ...(repairs > 0 ? [counted(repairs, "repair")] : []),
  ];
  return parts.length === 0 ? undefined : html`<p class="notes">${parts.join(" · ")}</p>`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
