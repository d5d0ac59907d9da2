import { PluginError } from "../../common/plugin-error.ts";

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

/**
 * A device's label: the template with its `{id}`, `{n}` and `{node}` filled in, cut to what fits at a
 * character's end, of which there may be several in what a person takes for one.
 */
export function cardLabelOf(template: string, values: LabelValues): string {
  const text = template.replace(/\{(id|n|node)\}/g, (_, name: keyof LabelValues) =>
    String(values[name]),
  );
  return cutLabel(text);
}

/** At most {@link MAX_LABEL_BYTES} bytes of UTF-8, cut between characters. */
export function cutLabel(text: string): string {
  let label = "";
  let bytes = 0;
  // A character takes a byte or more, so what is behind twice the bytes can't matter, not even by half.
  const start = text.replace(/\0.*$/s, "").slice(0, 2 * MAX_LABEL_BYTES);
  // Without Intl if that will do: it takes megabytes for the life of the process.
  if (Buffer.byteLength(start) === start.length) return start.slice(0, MAX_LABEL_BYTES);
  // What people take for characters: an emoji is one, however many code points it has.
  for (const { segment } of new Intl.Segmenter().segment(start)) {
    bytes += Buffer.byteLength(segment);
    if (bytes > MAX_LABEL_BYTES) break;
    label += segment;
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
