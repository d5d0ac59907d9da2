import { type Device, Use } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { workWord } from "../work-word.ts";
import { deviceKind, stateWord } from "./device-state.ts";
import { foreign, type Html, html } from "./html.ts";
import { icon } from "./icons.ts";
import { lasting } from "./times.ts";

/** One device, with nothing said of what there is nothing to say of: most of many devices are just free. */
export function deviceCard(device: Device, now: number): Html {
  const kind = deviceKind(device);
  const since = lasting(device.since, now);
  return html`<li class="card ${kind}" id="${device.id}">
<h3>${foreign(device.id)}</h3>
<p class="state">${icon(kind)}${foreign(stateWord(device))}</p>
<p class="since">${since && html`<span class="words">${device.healthy ? "healthy" : foreign(stateWord(device))} for </span>${since}`}</p>
${device.detail && html`<p class="detail">${foreign(device.detail)}</p>`}
${ownerOf(device)}
${device.format && html`<p class="format"><span class="label">streams</span> ${foreign(device.format)}</p>`}
${cordonOf(device, now)}
${notes(device)}
</li>
`;
}

/** A device's place in the map of many: its number, with the state as colour, shape and words. */
export function deviceCell(device: Device): Html {
  const kind = deviceKind(device);
  const title = `${device.id}: ${stateWord(device)}`;
  return html`<li><a class="cell ${kind}" href="#${encodeURIComponent(device.id)}" title="${title}" aria-label="${title}">${device.number}</a></li>`;
}

function ownerOf({ owner }: Device): Html | undefined {
  if (owner === undefined) return undefined;
  const { namespace, pod, container } = owner;
  return html`<p class="owner"><span class="label">pod</span> <strong>${foreign(pod)}</strong>
<span class="where">${foreign(container)} in ${foreign(namespace)}</span></p>`;
}

/** Why, and unless the state says so already, that it is cordoned. */
function cordonOf(device: Device, now: number): Html | undefined {
  const { cordon } = device;
  if (cordon === undefined) return undefined;
  const since = lasting(cordon.since, now);
  const word =
    deviceKind(device) === "cordoned" ? undefined : html`cordoned${since && html` for ${since}`}`;
  if (cordon.note === "") return word && html`<p class="cordon">${word}</p>`;
  return html`<p class="cordon">${word && html`${word}: `}<q>${foreign(cordon.note)}</q></p>`;
}

function notes({ clean, resets, repairs, use, healthy, work }: Device): Html | undefined {
  const parts = [
    workWord(work) ?? [],
    ...(clean || !healthy || use === Use.IN_USE ? [] : ["not known to be clean"]),
    ...(resets > 0 ? [counted(resets, "reset")] : []),
    ...(repairs > 0 ? [counted(repairs, "repair")] : []),
  ].flat();
  return parts.length === 0 ? undefined : html`<p class="notes">${parts.join(" · ")}</p>`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
