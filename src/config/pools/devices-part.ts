import * as v from "valibot";
import { deviceIdOrNone, globText, usbId } from "../types/camera.ts";
import { boolean, choice } from "../types/choice.ts";
import { integer } from "../types/number.ts";
import type { OptionType, ParseContext } from "../types/option-type.ts";
import { list, part, value } from "./value.ts";

const maxRules = 64;
/** More than a node has. */
const maxDevices = 256;

/** `devices`: which real devices the pool has, and how it treats them. */
export function devicesPart(context: ParseContext) {
  const entry = <T>(type: OptionType<T>, description: string) => value(type, context, description);
  const nodes = entry(
    choice(["metadata", "media", "subdevices", "usb"]),
    "A kind of node of the same device.",
  );
  const virtual = entry(boolean(), "Whether devices without hardware may match; false if absent.");
  return part("Real V4L2 devices of the node.", {
    select: list(
      rule({ ...ruleEntries(context, selectedKind), virtual: v.optional(virtual) }),
      1,
      maxRules,
      "A device belongs to the pool if it matches one of these entries.",
    ),
    exclude: v.optional(
      list(
        rule(ruleEntries(context, "any")),
        0,
        maxRules,
        "A device that matches one of these does not.",
      ),
      [],
    ),
    name: v.optional(
      entry(deviceIdOrNone(), "ID of the device, for a pool that selects one at most."),
      "",
    ),
    identity: v.optional(
      entry(
        choice(["auto", "serial", "port"]),
        "What makes a device the same one after it was plugged in again: auto takes the serial number if it is one.",
      ),
      "auto",
    ),
    with: v.optional(list(nodes, 0, 4, "Nodes that a container gets with the device."), []),
    expect: v.optional(
      entry(integer(0, maxDevices), "Number of devices below which the plugin warns."),
      0,
    ),
    share: v.optional(
      entry(
        integer(1, maxDevices),
        "How many containers may have a device at once; only a codec serves several.",
      ),
      1,
    ),
    shareAnyway: v.optional(
      entry(boolean(), "Allows to share devices that serve one program at a time."),
      false,
    ),
    clean: v.optional(
      entry(
        choice(["none", "controls", "required"]),
        "What the plugin resets between pods: controls, or nothing; with required, a device that it can't reset is unhealthy.",
      ),
      "controls",
    ),
    signal: v.optional(
      entry(
        choice(["ignore", "report", "required"]),
        "What a missing signal at the input of a capture card is: nothing, shown, or a reason for which the device is unhealthy.",
      ),
      "report",
    ),
  });
}

/** What `kind` is in an entry of `select` that has none. */
export const selectedKind = "camera";

/** An entry of the two lists. */
function rule<E extends v.ObjectEntries>(entries: E) {
  return part(
    "All of it has to match.",
    entries,
    "a field such as driver, or kind: any for every device",
  );
}

/** @param kind That of an entry that has none. */
function ruleEntries(context: ParseContext, kind: string) {
  const glob = (what: string) =>
    v.optional(value(globText(what), context, `Matches ${what}; * and ? stand for others.`));
  const hex = (what: string) =>
    v.optional(value(usbId(), context, `USB ${what}: four hexadecimal digits.`));
  const usb = {
    vendor: hex("vendor"),
    product: hex("product"),
    serial: glob("the serial number"),
    port: glob("the ports from the controller to the device, such as 1.2"),
  };
  const kinds = value(
    choice(["camera", "codec", "output", "any"]),
    context,
    "What the device does.",
  );
  return {
    kind: v.optional(v.pipe(kinds, v.metadata({ default: kind }))),
    driver: glob("the driver's name"),
    card: glob("the card label"),
    bus: glob("the device's bus_info"),
    link: glob("a link to a node of the device, such as /dev/v4l/by-path/*"),
    usb: v.optional(
      part("What the USB device is, and where it is plugged in.", usb, "a field such as vendor"),
    ),
  };
}
