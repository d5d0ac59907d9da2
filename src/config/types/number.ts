import { accept, type OptionType, reject } from "./option-type.ts";

/** A whole number from `min` to `max`, both allowed; decimal, without a sign or leading zeros. */
export function integer(min: number, max: number): OptionType<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    placeholder: "N",
    schema: { type: "integer", minimum: min, maximum: max },
    parse: (text) => parseWhole(text, min, max),
  };
}

/** A whole number from `min` to `max`, or empty to leave the choice to the program. */
export function integerOrNone(min: number, max: number): OptionType<number | undefined> {
  return {
    expected: `a whole number from ${min} to ${max}, or nothing`,
    placeholder: "N",
    schema: { type: ["integer", "string"], minimum: min, maximum: max },
    parse: (text) => (text === "" ? accept(undefined) : parseWhole(text, min, max)),
    show: (value) => value ?? null,
  };
}

/** A duration in whole seconds from `min` to `max`, written `30` or `30s`. */
export function seconds(min: number, max: number): OptionType<number> {
  return {
    expected: `a whole number of seconds from ${min} to ${max}`,
    placeholder: "SECONDS",
    schema: { type: "integer", minimum: min, maximum: max },
    parse: (text) => parseWhole(text.replace(/s$/, ""), min, max),
  };
}

/** A duration in seconds from `min` to `max`, with up to three decimals, written `1`, `0.5` or `0.5s`. */
export function fractionalSeconds(min: number, max: number): OptionType<number> {
  return {
    expected: `a number of seconds from ${min} to ${max}, such as 0.5`,
    placeholder: "SECONDS",
    // Helm's --set makes a string of a number with decimals.
    schema: { type: ["number", "string"], minimum: min, maximum: max, pattern: "^[0-9.]+s?$" },
    parse: (text) => {
      const [, digits] = /^((?:0|[1-9]\d{0,4})(?:\.\d{1,3})?)s?$/.exec(text) ?? [];
      const value = Number(digits);
      return value >= min && value <= max ? accept(value) : reject();
    },
  };
}

/**
 * Permission bits of a file, in octal with or without a leading 0: `666` and `0666` are the same. Set-ID and sticky
 * bits are rejected: they mean nothing on a device node.
 */
export function octalPermission(): OptionType<number> {
  return {
    expected: "three octal digits with or without a leading 0, such as 0660 or 666",
    placeholder: "MODE",
    // YAML reads 0666 without quotes as the number 438.
    schema: { type: "string", pattern: "^0?[0-7]{3}$" },
    parse: (text) => (/^0?[0-7]{3}$/.test(text) ? accept(Number.parseInt(text, 8)) : reject()),
    show: (value) => `0${value.toString(8).padStart(3, "0")}`,
  };
}

function parseWhole(text: string, min: number, max: number) {
  // Kubernetes sets `<SERVICE>_PORT` for each Service of a namespace, so a Service named "metrics"
  // gives METRICS_PORT this form (kubernetes.io/docs/tutorials/services/connect-applications-service).
  if (/^(tcp|udp|sctp):\/\//.test(text)) {
    return reject("this is a Kubernetes service link: set enableServiceLinks: false on the pod");
  }
  if (!/^(0|[1-9]\d{0,9})$/.test(text)) return reject();
  const value = Number(text);
  return value >= min && value <= max ? accept(value) : reject();
}
