import { PluginError } from "../../../common/plugin-error.ts";

/**
 * Bytes of the longest card label: `card_label[32]` of struct v4l2_loopback_config with the NUL at its end
 * (v4l2loopback.h). The driver cuts longer ones, even in the middle of a character.
 */
export const maxLabelBytes = 31;

/** Values of the placeholders in a label's template. */
export interface LabelValues {
  /** `{id}`: `video10` */
  readonly id: string;
  /** `{n}`: 10 */
  readonly n: number;
  /** `{node}`: name of the Kubernetes node. */
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
 * Cuts text at its first NUL, where the kernel ends it, and to `mostBytes` bytes of UTF-8. Cuts between
 * visible characters, each of which may be several code points (an emoji), and only within one that is too long by
 * itself. Removes white space at the cut, because a parameter can't end in it.
 */
export function cutLabel(text: string, mostBytes = maxLabelBytes): string {
  const whole = text.replace(/\0.*$/s, "");
  if (Buffer.byteLength(whole) <= mostBytes) return whole;
  // A character has at least a byte, so text beyond twice the limit can't matter.
  const start = whole.slice(0, 2 * maxLabelBytes);
  const label = fitting(charactersOf(start), mostBytes) || fitting([...start], mostBytes);
  return label.trimEnd() || label;
}

/** Without Intl where possible: it costs megabytes for the life of the process. */
function charactersOf(text: string): string[] {
  if (Buffer.byteLength(text) === text.length) return [...text];
  return [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
}

/** As many of the first pieces as fit. */
function fitting(pieces: readonly string[], mostBytes: number): string {
  let label = "";
  let bytes = 0;
  for (const piece of pieces) {
    bytes += Buffer.byteLength(piece);
    if (bytes > mostBytes) break;
    label += piece;
  }
  return label;
}

/**
 * Why a label can't be a parameter of the module; undefined if it can. A parameter's array is split at every comma,
 * and its quotes can't be escaped (lib/cmdline.c next_arg, kernel/params.c param_array), so neither character can be
 * part of a label. An empty label is the driver's own default.
 */
export function labelProblem(label: string): string | undefined {
  const bytes = Buffer.byteLength(label);
  if (bytes > maxLabelBytes) return `it has ${bytes} bytes, at most ${maxLabelBytes} fit`;
  if (/[",]/.test(label)) return "a module parameter can hold neither commas nor double quotes";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it finds them
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
