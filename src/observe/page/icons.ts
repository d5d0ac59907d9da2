import type { DeviceState } from "../device-words.ts";
import type { Summary } from "../summary.ts";
import { type Html, html } from "./html.ts";

/** Shapes that differ without their colours. */
export type Icon = DeviceState | Summary["level"];

/** All shapes, once at the page's start; `icon` refers to them. */
export const iconSheet: Html = html`<svg class="sheet" aria-hidden="true">
<symbol id="i-in-use" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6"/><circle cx="8" cy="8" r="3.4" fill="currentColor"/></symbol>
<symbol id="i-free" viewBox="0 0 16 16"><circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" stroke-width="2"/></symbol>
<symbol id="i-unknown" viewBox="0 0 16 16"><circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" stroke-width="2"/><path d="M8 3a5 5 0 0 1 0 10z" fill="currentColor"/></symbol>
<symbol id="i-cordoned" viewBox="0 0 16 16"><circle cx="8" cy="8" r="5" fill="none" stroke="currentColor" stroke-width="2"/><path d="M4.5 11.5l7-7" stroke="currentColor" stroke-width="2"/></symbol>
<symbol id="i-retired" viewBox="0 0 16 16"><path d="M3 8h10" stroke="currentColor" stroke-width="2.4"/></symbol>
<symbol id="i-unhealthy" viewBox="0 0 16 16"><path d="M8 1.5 15 14H1z" fill="currentColor"/></symbol>
<symbol id="i-good" viewBox="0 0 16 16"><path d="M2.5 8.5l3.5 3.5 7.5-8" fill="none" stroke="currentColor" stroke-width="2.4"/></symbol>
<symbol id="i-warn" viewBox="0 0 16 16"><path d="M8 2v7M8 11.5v2.5" fill="none" stroke="currentColor" stroke-width="2.6"/></symbol>
<symbol id="i-bad" viewBox="0 0 16 16"><path d="M3 3l10 10M13 3 3 13" fill="none" stroke="currentColor" stroke-width="2.4"/></symbol>
</svg>`;

/** A shape beside a word that says the same, hence hidden from screen readers. */
export function icon(name: Icon): Html {
  return html`<svg class="icon" aria-hidden="true"><use href="#i-${className(name)}"/></svg>`;
}

/** The class of a state on the page. */
export function className(name: Icon): string {
  return name.replace(" ", "-");
}
