import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from "yaml";
import { messageOf } from "../../common/plugin-error.ts";
import { type Problem, quote } from "../problem.ts";

/** A key or an index of a list, from the file's root on. */
export type Path = readonly (string | number)[];

/** A problem at a part of the file. */
export interface FileProblem {
  readonly path: Path;
  /** True if it is about the key itself, not its value. */
  readonly atKey?: boolean;
  /** All of it, or what follows "got …, " and the value. */
  readonly text: string;
  /** True if the value that the file has, or that it leaves to the default, comes first. */
  readonly got?: boolean;
  /** The default as text, if the file may have no value. */
  readonly byDefault?: string;
}

/** 64 pools with a comment at each line have half of it, and the parser takes a second for the worst of this size. */
const maxBytes = 128 * 1024;
/** Uses of anchors, which a few lines can multiply to billions. */
const maxAliases = 100;
/** More problems of one file say nothing more. */
const maxProblems = 50;

/** A problem and where it is, in characters from the start. */
interface Placed extends Problem {
  readonly offset: number;
}

/** The text of a YAML file, read with the places of all its parts. */
export class YamlFile {
  /** Its content as plain values; undefined if it can't be read as YAML. */
  readonly content: unknown;
  readonly #path: string;
  readonly #text: string;
  /** What keeps it from being YAML, and keys that are there twice. */
  readonly #own: Placed[] = [];
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed | undefined;

  /** @param path What the problems call the file. Never throws. */
  constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text.replace(/^\uFEFF/, "");
    const unreadable = unreadableText(path, this.#text);
    if (unreadable !== undefined) {
      this.#own.push({ ...unreadable, offset: 0 });
      return;
    }
    try {
      const document = parseDocument(this.#text, {
        lineCounter: this.#lines,
        prettyErrors: false,
        stringKeys: true,
        logLevel: "error",
      });
      this.#document = document;
      const errors = [...document.errors, ...document.warnings];
      const unresolved = this.#unresolved(document);
      this.#own.push(...this.#syntaxProblems(errors), ...unresolved);
      const isSound = errors.every(({ code }) => code === "DUPLICATE_KEY");
      if (isSound && unresolved.length === 0) {
        this.content = document.toJS({ maxAliasCount: maxAliases });
      }
    } catch (error) {
      const isNested = error instanceof RangeError;
      const reason = /alias/i.test(messageOf(error))
        ? `its aliases multiply its content, expected at most ${maxAliases} copies`
        : messageOf(error);
      this.#own.push({ subject: path, text: isNested ? tooDeep : reason, offset: 0 });
    }
  }

  /** Its own problems and the others, in the order of their places: `pools.yaml:3:5: pools[0].name: …`. */
  problems(others: readonly FileProblem[] = []): Problem[] {
    const all = [...this.#own, ...others.map((one) => this.#problem(one))];
    const sorted = all.sort((a, b) => a.offset - b.offset);
    const more = sorted.length - maxProblems;
    return [
      ...sorted.slice(0, maxProblems).map(({ subject, text }) => ({ subject, text })),
      ...(more > 0 ? [{ subject: this.#path, text: `${more} more problems` }] : []),
    ];
  }

  /** True if YAML takes the value for something else than a text, which quotes would make it. */
  isUnquoted(path: Path): boolean {
    const node = this.#walk(path).at(-1)?.value;
    return isScalar(node) && node.value !== null && typeof node.value !== "string";
  }

  /** The word that begins a comment in the place of a value, `#1d3557`; undefined if there is a value, or no such word. */
  commentAt(path: Path): string | undefined {
    const steps = this.#walk(path);
    const node = steps.at(-1)?.value;
    if (steps.length <= path.length || !isScalar(node) || node.value !== null) return undefined;
    return /^[ \t]*(#\S+)/.exec(this.#text.slice(node.range?.[0]))?.[1];
  }

  /** A value as the file has it: `0825`, `"a b"`, "a mapping". */
  shown(path: Path): string {
    const node = this.#walk(path).at(-1)?.value;
    if (isMap(node)) return node.items.length === 0 ? "an empty mapping" : "a mapping";
    if (isSeq(node)) return node.items.length === 0 ? "an empty list" : "a list";
    if (!isScalar(node) || node.value === null) return "nothing";
    return typeof node.value === "string" ? quote(node.value) : (node.source ?? String(node.value));
  }

  #problem({ path, atKey = false, text, got = false, byDefault }: FileProblem): Placed {
    const steps = this.#walk(path);
    const { key, value } = steps.at(-1) ?? {};
    const offset = (atKey && key ? key.range?.[0] : value?.range?.[0]) ?? 0;
    const name = showPath(path);
    const isThere = steps.length > path.length;
    const given = isThere ? this.shown(path) : `${byDefault} (the default)`;
    return {
      offset,
      subject: name === "" ? this.#place(offset) : `${this.#place(offset)}: ${name}`,
      text: got ? `got ${given}, ${text}` : text,
    };
  }

  #syntaxProblems(errors: readonly YAMLError[]): Placed[] {
    const all = errors.slice(0, 10 * maxProblems).map((error) => ({
      offset: error.pos[0],
      subject: this.#place(error.pos[0]),
      text: this.#describe(error),
    }));
    // An error is often followed by others of the same place.
    return [...new Map(all.toReversed().map((one) => [one.subject, one])).values()];
  }

  #describe({ code, message, pos }: YAMLError): string {
    switch (code) {
      case "DUPLICATE_KEY":
        return `${/^[\w.-]*/.exec(this.#text.slice(pos[0], pos[0] + 64))?.[0]}: the key is there twice, expected it once`;
      case "TAB_AS_INDENT":
        return "a tab, expected spaces";
      case "MULTIPLE_DOCS":
        return "a second document, expected one";
      default:
        return /call stack/.test(message) ? tooDeep : `not YAML: ${message.replace(/\.$/, "")}`;
    }
  }

  #unresolved(document: Document.Parsed): Placed[] {
    const problems: Placed[] = [];
    visit(document, {
      Alias: (_, alias) => {
        if (alias.resolve(document) !== undefined) return;
        const offset = alias.range?.[0] ?? 0;
        const text = `*${alias.source} stands for nothing, expected &${alias.source} before it`;
        problems.push({ offset, subject: this.#place(offset), text });
      },
    });
    return problems;
  }

  /** The parts that the path leads through, as far as the file has them. */
  #walk(path: Path): { readonly key: Node | undefined; readonly value: Node | undefined }[] {
    const resolved = (node: unknown) =>
      (isAlias(node) ? node.resolve(this.#document as Document) : node) as Node | undefined;
    let at = resolved(this.#document?.contents);
    const steps: { key: Node | undefined; value: Node | undefined }[] = [
      { key: undefined, value: at },
    ];
    for (const step of path) {
      let key: Node | undefined;
      if (isMap(at)) {
        // The last one counts, if there are two.
        const pair = at.items.findLast(({ key: one }) => isScalar(one) && one.value === step);
        if (pair === undefined) return steps;
        key = pair.key as Node;
        at = resolved(pair.value) ?? key;
      } else if (isSeq(at) && typeof step === "number" && step < at.items.length) {
        at = resolved(at.items[step]);
      } else {
        return steps;
      }
      steps.push({ key, value: at });
    }
    return steps;
  }

  #place(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#path}:${Math.max(1, line)}:${Math.max(1, col)}`;
  }
}

function unreadableText(path: string, text: string): Problem | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) {
    return { subject: path, text: `it has ${bytes} bytes, expected at most ${maxBytes}` };
  }
  if (isNestedDeeply(text)) return { subject: path, text: tooDeep };
  // YAML allows no control characters, and what is no UTF-8 has become U+FFFD.
  const at = text.search(/(?![\t\n\r])\p{Cc}|\uFFFD/u);
  if (at < 0) return undefined;
  const lines = text.slice(0, at).split("\n");
  const place = `${path}:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
  return { subject: place, text: "not a text file, expected YAML in UTF-8" };
}

/** Levels of brackets, or of lists in lists on one line: the parser takes minutes for thousands of them. */
const maxNesting = 50;

/** True if brackets open so deeply, wherever they stand. The file has seven levels. */
function isNestedDeeply(text: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === "[" || character === "{") depth++;
    if (character === "]" || character === "}") depth--;
    if (depth > maxNesting) return true;
  }
  return new RegExp(`(?:[-?:][ \\t]+){${maxNesting}}`).test(text);
}

const tooDeep = "it is nested too deeply";

/** `pools[1].devices.select[0].usb`. */
function showPath(path: Path): string {
  return path
    .map((step, at) => {
      if (typeof step === "number") return `[${step}]`;
      const name = /^[\w.-]{1,64}$/.test(step) ? step : quote(step);
      return at === 0 ? name : `.${name}`;
    })
    .join("");
}
