import { basename } from "node:path";
import { legalId, withHash } from "./legal-id.ts";
import type { Parent } from "./video-node.ts";

/**
 * What makes a device the same one after it was plugged in again.
 * - `auto`: its serial number if that says something and no other device has it, else its port.
 * - `serial`: its serial number, if it has any; at any port, even if another device has the same.
 * - `port`: the port, whatever device is plugged in there.
 */
export type IdentityRule = "auto" | "serial" | "port";

/** A device that is plugged in, with all that names it. */
export interface PresentDevice {
  readonly parent: Parent;
  /** Set if several devices of one parent (the instances of vivid) differ by their `bus_info` alone. */
  readonly busInfo?: string | undefined;
  /** Default `auto`. */
  readonly identity?: IdentityRule;
}

/** A device that has been plugged in before. */
export interface RememberedDevice {
  readonly id: string;
  /** Where it was last: the ID that its port makes. */
  readonly place: string;
  /** The ID that its serial number makes; absent if it has none that says something. */
  readonly serial?: string;
}

export interface IdentifiedDevice extends RememberedDevice {
  /** True if another device that is plugged in has the same ID, which only {@link IdentityRule} `serial` allows. */
  readonly isAmbiguous: boolean;
}

/**
 * Names each device, by the first of these that applies:
 * 1. vendor, product and serial number: `usb-046d-0825-4A1B`, which moves with the camera from port to port. Of twins
 *    with one serial number, one that had this ID before keeps it at the port where it was, and all others are named by
 *    their ports, for ever: no one could say which of them was moved. Numbers that are a vendor's constant name none.
 * 2. the place: `usb-0000:00:14.0-1.2`, `pci-0000:08:00.0`, `platform-fe801000.csi`.
 * 3. the place with the `bus_info`, for several devices at one place.
 *
 * Every ID is one that the kubelet and CDI accept, and different from all others unless it is ambiguous.
 *
 * @param remembered Devices that were named before, see {@link remember}. Default: none.
 * @returns the names in the order of `present`.
 */
export function identify(
  present: readonly PresentDevice[],
  remembered: readonly RememberedDevice[] = [],
): IdentifiedDevice[] {
  const places = distinctPlaces(present);
  const serials = present.map(serialId);
  const known = Map.groupBy(remembered, ({ serial }) => serial);
  const twins = Map.groupBy(present.keys(), (at) => serials[at]);
  const named = present.map(({ identity = "auto" }, at): IdentifiedDevice => {
    const [place = "", serial] = [places[at], serials[at]];
    if (serial === undefined) return { id: place, place, isAmbiguous: false };
    const same = twins.get(serial) ?? [];
    const others = same.filter((other) => other !== at);
    if (identity === "serial") {
      const isAmbiguous = others.some((other) => present[other]?.identity === "serial");
      return { id: serial, place, serial, isAmbiguous };
    }
    const before = known.get(serial) ?? [];
    const isHolder = before.some(({ id, place: last }) => id === serial && last === place);
    const isAlone = others.length === 0 && before.every(({ id }) => id === serial);
    const isTaken = others.some((other) => present[other]?.identity === "serial");
    const hasSerial = !isTaken && (isAlone || isHolder);
    return { id: hasSerial ? serial : place, place, serial, isAmbiguous: false };
  });
  const names = named.map(({ id }) => id);
  const isPlace = (at: number) => named[at]?.id === places[at];
  const ids = distinct(names, present, isPlace);
  return named.map((device, at) => ({ ...device, id: ids[at] ?? device.id }));
}

/**
 * What is remembered after these devices were named: the newest last known, at most {@link maxRemembered}. Returns
 * `remembered` itself if nothing has changed.
 */
export function remember<D extends RememberedDevice>(
  seen: readonly D[],
  remembered: readonly D[],
  isSame: (a: D, b: D) => boolean,
): readonly D[] {
  const now = new Map(seen.map((device) => [device.id, device]));
  const kept = remembered.map((before) => {
    const device = now.get(before.id);
    now.delete(before.id);
    return device === undefined || isSame(device, before) ? before : device;
  });
  const isChanged = now.size > 0 || kept.some((device, at) => device !== remembered[at]);
  if (!isChanged) return remembered;
  const ids = new Set(seen.map(({ id }) => id));
  const all = [...kept, ...now.values()];
  const absent = all.filter(({ id }) => !ids.has(id));
  const forgotten = new Set(absent.slice(0, Math.max(0, all.length - maxRemembered)));
  return all.filter((device) => !forgotten.has(device));
}

/** Far more than a node has over its life: devices beyond it are forgotten, the longest known first. */
export const maxRemembered = 256;

/** Serial numbers that vendors give to every device, as seen in bug reports. */
const constantSerials = new Set(["0001", "SN0001", "200901010001"]);

function serialId({ parent: { usb }, identity }: PresentDevice): string | undefined {
  if (usb === undefined || usb.serial === "" || identity === "port") return undefined;
  const saysNothing = /^0*$/.test(usb.serial) || constantSerials.has(usb.serial);
  if (saysNothing && identity !== "serial") return undefined;
  return legalId(`usb-${usb.vendor}-${usb.product}-${usb.serial}`);
}

/** The place of each device; where several have the same one, with their `bus_info`. No two are the same. */
function distinctPlaces(present: readonly PresentDevice[]): string[] {
  const plain = present.map(({ parent }) => placeId(parent));
  const count = countsOf(plain);
  const places = plain.map((place, at) => {
    if (count.get(place) === 1) return place;
    return legalId(`${place}-${present[at]?.busInfo ?? "unknown"}`);
  });
  return distinct(places, present, () => true);
}

function placeId({ path, bus, usb }: Parent): string {
  return legalId(
    usb === undefined ? `${bus}-${basename(path)}` : `usb-${usb.controller}-${usb.ports}`,
  );
}

/** Different texts may have become one name: the paths in /sys, which differ, make those different that may change. */
function distinct(
  names: readonly string[],
  present: readonly PresentDevice[],
  mayChange: (at: number) => boolean,
): string[] {
  const count = countsOf(names);
  return names.map((name, at) => {
    if (count.get(name) === 1 || !mayChange(at)) return name;
    const { parent, busInfo } = present[at] ?? {};
    return withHash(name, `${parent?.path}\n${busInfo}`);
  });
}

function countsOf(texts: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}
