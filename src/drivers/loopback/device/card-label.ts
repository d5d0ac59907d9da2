import { PluginError } from "../../../common/plugin-error.ts";

/**
 * Bytes a card label may have: `card_label[32]` of struct v4l2_loopback_config with the NUL at its end
 * (v4l2loopback.h). The driver cuts longer ones, in the middle of a character if need be.
 */
export const MAX_LABEL_BYTES = 31;

/** What a label's template may name. */
export interface LabelValues {
  /** `{id}`: `video10` */
  readonly id: string;
  /** `{n}`: 10 */
  readonly n: number;
  /** `{node}`: the name of the node this runs on. */
  readonly node: string;
}

/** A device's label: the template with its `{id}`, `{n}` and `{node}` filled in, cut as by {@link cutLabel}. */
export function cardLabelOf(template: string, values: LabelValues): string {
  const text = template.replace(/\{(id|n|node)\}/g, (_, name: keyof LabelValues) =>
    String(values[name]),
  );
  return cutLabel(text);
}

/**
 * Text up to its first NUL, as the kernel ends it there, and of that at most {@link MAX_LABEL_BYTES} bytes of UTF-8.
 * It is cut between what people take for characters, each of which may be several code points (an emoji); one that
 * is too long by itself between those. White space that the cut brings to the end goes with it, as a parameter
 * can't end in it.
 */
export function cutLabel(text: string): string {
  const whole = text.replace(/\0.*$/s, "");
  if (Buffer.byteLength(whole) <= MAX_LABEL_BYTES) return whole;
  // A character takes a byte or more, so what is behind twice the bytes can't matter, not even by half.
  const start = whole.slice(0, 2 * MAX_LABEL_BYTES);
  const label = fitting(charactersOf(start)) || fitting([...start]);
  return label.trimEnd() || label;
}

/** Without Intl if that will do: it takes megabytes for the life of the process. */
function charactersOf(text: string): string[] {
  if (Buffer.byteLength(text) === text.length) return [...text];
  return [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
}

/** As many of the pieces, from the first on, as have room. */
function fitting(pieces: readonly string[]): string {
  let label = "";
  let bytes = 0;
  for (const piece of pieces) {
    bytes += Buffer.byteLength(piece);
    if (bytes > MAX_LABEL_BYTES) break;
    label += piece;
  }
  return label;
}

/**
 * Why a label can't be given to the module as a parameter, undefined if it can. A parameter's array is
 * split at every comma and its quotes can't be escaped (lib/cmdline.c next_arg, kernel/params.c
 * param_array), so neither character can be part of a label. An empty label is the driver's own default.
 */
export function labelProblem(label: string): string | undefined {
  const bytes = Buffer.byteLength(label);
  if (bytes > MAX_LABEL_BYTES) return `it has ${bytes} bytes, at most ${MAX_LABEL_BYTES} fit`;
  if (/[",]/.test(label)) return "a module parameter can hold neither commas nor double quotes";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(label)) return "it has a control character";
  if (label !== label.trim()) return "it begins or ends with white space";
  return undefined;
}

/** @throws PluginError `card_label_invalid` if {@link labelProblem} finds one. */
export function checkLabel(label: string): void {
  const problem = labelProblem(label);
  if (problem === undefined) return;
  throw new PluginError(
    "card_label_invalid",
    `The card label ${JSON.stringify(label)} can't be used on this node: ${problem}, and without a control device (v4l2loopback 0.13 and later) there is no other way.`,
    { remedy: "Choose a label of at most 31 bytes without commas and double quotes." },
  );
}
