import { posix } from "node:path";
import { accept, type OptionType, reject } from "./option-type.ts";

/** A unix socket's address holds 108 bytes with its final NUL (unix(7), sun_path). */
const MAX_SOCKET_PATH_BYTES = 107;

/** Room kept free in `socketPath` for the suffix that tells one instance's socket from another's. */
export const INSTANCE_SUFFIX_BYTES = 24;

/** An absolute path of a directory. `.`, `..`, doubled and trailing slashes are resolved. */
export function directory(): OptionType<string> {
  return {
    expected: "an absolute path",
    placeholder: "DIR",
    isSwitch: false,
    schema: { type: "string", pattern: "^/" },
    parse: (text) => (isAbsolute(text) ? accept(tidy(text)) : reject()),
    show: (value) => value,
  };
}

/** As {@link directory}, or empty, which turns off what the option is about. */
export function directoryOrNone(): OptionType<string> {
  const type = directory();
  return {
    ...type,
    expected: `${type.expected}, or nothing`,
    schema: { type: "string", pattern: "^$|^/" },
    parse: (text, context) => (text === "" ? accept("") : type.parse(text, context)),
  };
}

/** An absolute path of a unix socket that fits into a socket address with `spareBytes` to spare. */
export function socketPath(spareBytes: number): OptionType<string> {
  const maxBytes = MAX_SOCKET_PATH_BYTES - spareBytes;
  return {
    expected: `the absolute path of a socket, at most ${maxBytes} bytes long`,
    placeholder: "PATH",
    isSwitch: false,
    schema: { type: "string", pattern: "^/.*[^/]$", maxLength: maxBytes },
    parse: (text) => {
      if (!isAbsolute(text) || text.endsWith("/")) return reject();
      const path = tidy(text);
      const bytes = Buffer.byteLength(path);
      return bytes > maxBytes ? reject(`it is ${bytes} bytes long`) : accept(path);
    },
    show: (value) => value,
  };
}

/**
 * Where a device appears in a container. It has to differ from device to device, or two devices in
 * one container would hide each other; and `VIDEO_DEVICES` lists paths with commas between them.
 */
export function devicePathTemplate(): OptionType<string> {
  return {
    expected:
      "an absolute path with {id}, {n} or {index} in it, without spaces, commas or other braces",
    placeholder: "TEMPLATE",
    isSwitch: false,
    schema: { type: "string", pattern: "^/[^\\s,]*\\{(id|n|index)\\}[^\\s,]*$" },
    parse: (text) => {
      const plain = text.replace(/\{(id|n|index)\}/g, "");
      if (plain === text || !isAbsolute(text) || /[\s,{}]/u.test(plain)) return reject();
      return text.split("/").includes("..") ? reject("it must not climb with ..") : accept(text);
    },
    show: (value) => value,
  };
}

function isAbsolute(text: string): boolean {
  return text.startsWith("/") && !/\p{Cc}/u.test(text) && text.isWellFormed();
}

function tidy(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, "");
}
