import { matchesGlob } from "../common/glob.ts";
import type { DeviceKind } from "./device-kind.ts";
import type { UsbDevice } from "./video-node.ts";

/**
 * What a device has to match, in all that is set. Texts are globs: `*` is any text, `?` any character. An empty rule
 * matches every camera.
 */
export interface DeviceRule {
  /** `any` is a device of whatever kind, also an unknown one. Default `camera`. */
  readonly kind?: "camera" | "codec" | "output" | "any";
  readonly driver?: string;
  /** The card's name, which is the product of a USB camera. */
  readonly card?: string;
  /** `bus_info` of QUERYCAP; several PCI drivers write `PCIe:` where others write `PCI:`. */
  readonly bus?: string;
  /** A link that udev has made for one of its nodes, `/dev/v4l/by-path/…`. */
  readonly link?: string;
  readonly usb?: {
    /** Four hexadecimal digits, in either case. */
    readonly vendor?: string;
    readonly product?: string;
    readonly serial?: string;
    /** The ports from the controller to the device: `1.2`. */
    readonly port?: string;
  };
  /** True if a device without hardware matches as well. Default false. */
  readonly virtual?: boolean;
}

/** What a device says of itself, and what the kernel says of it. */
export interface DeviceTraits {
  /** That of its main node; undefined if that is unknown. */
  readonly kind: DeviceKind | undefined;
  readonly driver: string | undefined;
  readonly card: string;
  /** Undefined if the device was not asked. */
  readonly busInfo: string | undefined;
  /** Links that udev has made for its nodes. */
  readonly links: readonly string[];
  readonly usb: UsbDevice | undefined;
}

/** The kernel's drivers without hardware, drivers/media/test-drivers. Their parents in /sys look like parts of the board. */
const testDrivers = new Set(["vicodec", "vidtv", "vim2m", "vimc", "visl", "vivid"]);

/** True if the device matches the rule. What isn't known of the device matches no text that is set. */
export function selects(rule: DeviceRule, device: DeviceTraits): boolean {
  return mismatch(rule, device) === undefined;
}

/** The first thing in which a device differs from the rule, `driver uvcvideo, not bttv`; undefined if it matches. */
export function mismatch(rule: DeviceRule, device: DeviceTraits): string | undefined {
  const { kind = "camera", usb = {}, virtual = false } = rule;
  if (kind !== "any" && device.kind !== kind) return differs("kind", device.kind, kind);
  if (!virtual && testDrivers.has(device.driver ?? "")) {
    return `driver ${device.driver}, which has no hardware`;
  }
  const { link } = rule;
  if (link !== undefined && !device.links.some((each) => matchesGlob(link, each))) {
    return differs("link", device.links.join(" ") || "none", link);
  }
  const texts = [
    ["driver", rule.driver, device.driver],
    ["card", rule.card, device.card],
    ["bus", rule.bus, device.busInfo],
    ["usb.vendor", usb.vendor?.toLowerCase(), device.usb?.vendor],
    ["usb.product", usb.product?.toLowerCase(), device.usb?.product],
    ["usb.serial", usb.serial, device.usb?.serial],
    ["usb.port", usb.port, device.usb?.ports],
  ] as const;
  for (const [field, pattern, text] of texts) {
    if (pattern === undefined || (text !== undefined && matchesGlob(pattern, text))) continue;
    return differs(field, text, pattern);
  }
  return undefined;
}

function differs(field: string, text: string | undefined, wanted: string): string {
  return `${field} ${text ?? "unknown"}, not ${wanted}`;
}
