import { accept, type OptionType, reject } from "./option-type.ts";

/** Characters that the kubelet and the Container Device Interface both take for a device's ID. */
const maxIdLength = 63;
const deviceIdPattern = /^[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;

/** Longer than any card label, link or serial number that a kernel shows. */
const maxGlobLength = 255;

/** A text, in which `*` stands for any characters and `?` for one. */
export function globText(what: string): OptionType<string> {
  return {
    expected: `${what}, 1 to ${maxGlobLength} characters, in which * and ? stand for others`,
    placeholder: "GLOB",
    schema: { type: "string", minLength: 1, maxLength: maxGlobLength },
    parse: (text) => {
      const length = [...text].length;
      if (length === 0 || length > maxGlobLength || !text.isWellFormed()) return reject();
      return /\p{Cc}/u.test(text) ? reject("it has control characters") : accept(text);
    },
  };
}

/** The vendor or the product of a USB device, as `lsusb` shows it. */
export function usbId(): OptionType<string> {
  return {
    expected: 'four hexadecimal digits such as "046d"',
    placeholder: "HEX",
    schema: { type: "string", pattern: "^[0-9A-Fa-f]{4}$" },
    parse: (text) => (/^[0-9a-f]{4}$/i.test(text) ? accept(text.toLowerCase()) : reject()),
  };
}

/** The ID of a device, or empty. It can't be that of a loopback device, `video10`, or of a replica, `a::0`. */
export function deviceIdOrNone(): OptionType<string> {
  return {
    expected: `1 to ${maxIdLength} letters, digits, "-", "_", "." and ":", with a letter or digit at both ends, or nothing`,
    placeholder: "ID",
    schema: {
      type: "string",
      pattern: `^$|${deviceIdPattern.source}`,
      maxLength: maxIdLength,
      not: { pattern: "^video[0-9]+$|::" },
    },
    parse: (text) => {
      if (/^video\d+$/.test(text)) return reject("loopback devices have such IDs");
      if (text.includes("::")) return reject("replicas of shared devices have such IDs");
      const fits = text === "" || (deviceIdPattern.test(text) && text.length <= maxIdLength);
      return fits ? accept(text) : reject();
    },
  };
}
