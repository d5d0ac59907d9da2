/** What a status has to show, in lines. */
export interface StatusParts {
  /** Lines on top, which always stay. */
  readonly head: number;
  readonly devices: number;
  /** How many of the devices, the first ones, have a state that an operator should see. */
  readonly notable: number;
  /** Sentences about devices. */
  readonly remarks: number;
  readonly events: number;
}

/** How many of each part are shown. */
export type ShownParts = Pick<StatusParts, "devices" | "remarks" | "events">;

/**
 * Chooses what a screen of `rows` lines shows: events give way first, then devices without trouble, then remarks, then
 * the rest of the devices.
 */
export function fitRows(parts: StatusParts, rows: number): ShownParts {
  let { devices, remarks, events } = parts;
  const tooMany = () => linesOf(parts, { devices, remarks, events }) > rows;
  while (tooMany() && events > 0) events -= 1;
  while (tooMany() && devices > parts.notable) devices -= 1;
  while (tooMany() && remarks > 0) remarks -= 1;
  while (tooMany() && devices > 0) devices -= 1;
  return { devices, remarks, events };
}

/** Lines of all parts with an empty one between them, their headings, and a line for what is hidden. */
function linesOf(parts: StatusParts, { devices, remarks, events }: ShownParts): number {
  const isHiding = devices < parts.devices || remarks < parts.remarks;
  return (
    parts.head +
    (2 + devices + (isHiding ? 1 : 0)) +
    (remarks > 0 ? 1 + remarks : 0) +
    (events > 0 ? 2 + events : 0)
  );
}
