import { isIP } from "node:net";
import { accept, type OptionType, reject } from "./option-type.ts";

/** Room for placeholders and what they stand for; a label itself is cut at 31 bytes. */
const MAX_TEMPLATE_BYTES = 255;

/**
 * A V4L2 card label, or a template of one: `{id}`, `{n}` and `{node}` are filled in for each device.
 * Commas and double quotes are allowed, as v4l2loopback takes them from 0.13 on; a node with an older one
 * refuses them when it is known (`card_label_invalid`).
 */
export function cardLabel(): OptionType<string> {
  return {
    expected: `1 to ${MAX_TEMPLATE_BYTES} bytes of UTF-8 without control characters, with no placeholders but {id}, {n} and {node}`,
    placeholder: "TEXT",
    isSwitch: false,
    schema: { type: "string", minLength: 1, maxLength: MAX_TEMPLATE_BYTES },
    parse: (text) => {
      const bytes = Buffer.byteLength(text);
      if (bytes > MAX_TEMPLATE_BYTES) return reject(`it is ${bytes} bytes long`);
      // what the runtime makes of bytes that are no UTF-8
      if (text.includes("\uFFFD")) return reject("it is not valid UTF-8");
      const unknown = text.replace(/\{(?:id|n|node)\}/g, "").match(/\{\w*\}/)?.[0];
      if (unknown !== undefined) return reject(`${unknown} stands for nothing`);
      if (bytes === 0 || /\p{Cc}/u.test(text) || !text.isWellFormed()) return reject();
      return accept(text);
    },
    show: (value) => value,
  };
}

/** An IPv4 or IPv6 address; names are refused, as they could mean another interface tomorrow. */
export function ipAddress(): OptionType<string> {
  return {
    expected: "an IPv4 or IPv6 address",
    placeholder: "ADDRESS",
    isSwitch: false,
    schema: { type: "string", pattern: "^[0-9a-fA-F:.]+$" },
    parse: (text) => (isIP(text) === 0 ? reject() : accept(text)),
    show: (value) => value,
  };
}
