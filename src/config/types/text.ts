import { isIP } from "node:net";
import { accept, type OptionType, reject } from "./option-type.ts";

/** Enough for placeholders and their values; the label itself is cut at 31 bytes. */
const maxTemplateBytes = 255;

/**
 * A V4L2 card label, or a template of one: each device fills in `{id}`, `{n}` and `{node}`. Commas and double quotes are
 * allowed, as v4l2loopback accepts them from 0.13 on; the driver rejects them for an older module
 * (`card_label_invalid`).
 */
export function cardLabel(): OptionType<string> {
  return {
    expected: `1 to ${maxTemplateBytes} bytes of UTF-8 without control characters, with no placeholders but {id}, {n} and {node}`,
    placeholder: "TEXT",
    schema: { type: "string", minLength: 1, maxLength: maxTemplateBytes },
    parse: (text) => {
      const bytes = Buffer.byteLength(text);
      if (bytes > maxTemplateBytes) return reject(`it is ${bytes} bytes long`);
      // The runtime replaces bytes that are no UTF-8 with this character.
      if (text.includes("\uFFFD")) return reject("it is not valid UTF-8");
      const unknown = text.replace(/\{(?:id|n|node)\}/g, "").match(/\{\w*\}/)?.[0];
      if (unknown !== undefined) return reject(`${unknown} stands for nothing`);
      if (bytes === 0 || /\p{Cc}/u.test(text) || !text.isWellFormed()) return reject();
      return accept(text);
    },
  };
}

/**
 * Variables on which every container depends. The kubelet lets a device plugin's variable replace one of the image
 * (kubelet_pods.go, GenerateRunContainerOptions), so a plugin that sets `PATH` stops the container from starting.
 */
const reservedVariable = /^(PATH|HOME|HOSTNAME|LD_.*|KUBERNETES_.*)$/;

/**
 * Name of an environment variable in the POSIX sense, which every shell can read. It must not end in S: with an S
 * appended it names the list of paths, so that such a name could be the list of another instance.
 */
export function variableName(): OptionType<string> {
  return {
    expected:
      "the name of a variable: letters, digits and _, no digit at the start, no S at the end, not PATH, HOME, HOSTNAME, LD_… or KUBERNETES_…",
    placeholder: "NAME",
    schema: {
      type: "string",
      pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
      maxLength: maxTemplateBytes,
      not: { pattern: `S$|${reservedVariable.source}` },
    },
    parse: (text) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(text) || text.length > maxTemplateBytes) return reject();
      if (text.endsWith("S")) return reject("the list of all paths has an S at its end");
      return reservedVariable.test(text) ? reject(`containers depend on ${text}`) : accept(text);
    },
  };
}

/** An IPv4 or IPv6 address, and no name: a name could stand for another interface tomorrow. */
export function ipAddress(): OptionType<string> {
  return {
    expected: "an IPv4 or IPv6 address",
    placeholder: "ADDRESS",
    schema: { type: "string", pattern: "^[0-9a-fA-F:.]+$" },
    parse: (text) => (isIP(text) === 0 ? reject() : accept(text)),
  };
}
