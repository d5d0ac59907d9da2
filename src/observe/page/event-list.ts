import type { Event } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { levelWord } from "../log-level.ts";
import { foreign, type Html, html } from "./html.ts";
import { clockTime } from "./times.ts";

/** Events on the page; `/status.json` has all that are kept. */
const shownEvents = 25;

/** Renders the last events, newest first. */
export function eventList(events: readonly Event[], now: number): Html {
  if (events.length === 0) return html`<p class="none">No events yet.</p>`;
  return html`<ol class="events">
${events.slice(0, shownEvents).map((event) => eventItem(event, now))}</ol>`;
}

function eventItem({ time, level, message, fields }: Event, now: number): Html {
  const word = levelWord(level);
  const pairs = Object.entries(fields).map(
    ([name, value]) =>
      html`<span class="field"><span class="label">${foreign(name)}</span> ${foreign(value)}</span> `,
  );
  return html`<li class="event ${word}"><span class="time">${clockTime(time, now)}</span>
<span class="level">${word}</span>
<p><span class="message">${foreign(message)}</span> ${pairs}</p></li>
`;
}
