import { posix } from "node:path";
import { accept, type OptionType, reject } from "./option-type.ts";

/** A unix socket's address holds 108 bytes with its final NUL (unix(7), sun_path). */
const maxSocketPathBytes = 107;

/** Bytes of `socketPath` that stay free for the instance's suffix. */
export const instanceSuffixBytes = 24;

/** An absolute path of a directory, with `.`, `..`, doubled and trailing slashes resolved. */
export function directory(): OptionType<string> {
  return {
    expected: "an absolute path",
    placeholder: "DIR",
    schema: { type: "string", pattern: "^/" },
    parse: (text) => (isAbsolute(text) ? accept(tidy(text)) : reject()),
  };
}

/** An absolute path of a file, tidied as that of a {@link directory}. */
export function filePath(): OptionType<string> {
  return {
    expected: "the absolute path of a file",
    placeholder: "PATH",
    schema: { type: "string", pattern: "^/.*[^/]$" },
    parse: (text) => (isAbsolute(text) && !text.endsWith("/") ? accept(tidy(text)) : reject()),
  };
}

/** The path of a file that the program reads, or empty. */
export function filePathOrNone(): OptionType<string> {
  return {
    expected: "the path of a file, or nothing",
    placeholder: "PATH",
    schema: { type: "string", not: { pattern: "/$" } },
    parse: (text) => (/\p{Cc}|\/$/u.test(text) || !text.isWellFormed() ? reject() : accept(text)),
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

/** An absolute path of a unix socket that leaves `spareBytes` of a socket address free. */
export function socketPath(spareBytes: number): OptionType<string> {
  const maxBytes = maxSocketPathBytes - spareBytes;
  return {
    expected: `the absolute path of a socket, at most ${maxBytes} bytes long`,
    placeholder: "PATH",
    schema: { type: "string", pattern: "^/.*[^/]$", maxLength: maxBytes },
    parse: (text) => {
      if (!isAbsolute(text) || text.endsWith("/")) return reject();
      const path = tidy(text);
      const bytes = Buffer.byteLength(path);
      return bytes > maxBytes ? reject(`it is ${bytes} bytes long`) : accept(path);
    },
  };
}

/**
 * Path of a device in a container. It must differ from device to device: otherwise two devices in one container would
 * hide each other. `VIDEO_DEVICES` lists the paths with commas between them, so a path has none.
 *
 * @param names What stands for a part of the path.
 */
export function devicePathTemplate(
  names: readonly string[] = ["id", "n", "index"],
): OptionType<string> {
  const braces = names.map((name) => `{${name}}`);
  const placeholders = `\\{(${names.join("|")})\\}`;
  return {
    expected: `an absolute path with ${braces.slice(0, -1).join(", ")} or ${braces.at(-1)} in it, without spaces, commas or other braces`,
    placeholder: "TEMPLATE",
    schema: { type: "string", pattern: `^/[^\\s,]*${placeholders}[^\\s,]*$` },
    parse: (text) => {
      const plain = text.replace(new RegExp(placeholders, "g"), "");
      if (plain === text || !isAbsolute(text) || /[\s,{}]/u.test(plain)) return reject();
      return text.split("/").includes("..") ? reject("it must not climb with ..") : accept(text);
    },
  };
}

/** As {@link devicePathTemplate}, for a node that browsers must not take for a camera: they list each `/dev/video…`. */
export function feedPathTemplate(): OptionType<string> {
  const type = devicePathTemplate();
  return {
    ...type,
    expected: `${type.expected}, that doesn't start with /dev/video or /dev/{id}`,
    schema: { ...type.schema, not: { pattern: "^/+dev/+(video|\\{id\\})" } },
    parse: (text, context) =>
      /^\/dev\/(video|\{id\})/.test(tidy(text)) ? reject() : type.parse(text, context),
  };
}

function isAbsolute(text: string): boolean {
  return text.startsWith("/") && !/\p{Cc}/u.test(text) && text.isWellFormed();
}

function tidy(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, "");
}
