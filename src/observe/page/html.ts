/** Markup that is safe on a page as it is. Only `html` makes it; everything else is text and gets escaped. */
export class Html {
  readonly #markup: string;

  constructor(markup: string) {
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }
}

type Content = Html | string | number | false | undefined | readonly Content[];

/**
 * A template that escapes its values, for text and for double-quoted attributes alike. Markup and lists of it are
 * inserted as they are; undefined and false are empty.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  let markup = parts[0] ?? "";
  for (const [index, value] of values.entries()) markup += rendered(value) + parts[index + 1];
  return new Html(markup);
}

/**
 * Isolates a foreign name or sentence from the direction of the text around it: a right-to-left override in a note must
 * not turn the page around.
 */
export function foreign(text: string): Html {
  return html`<bdi>${text}</bdi>`;
}

function rendered(value: Content): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Html) return value.toString();
  if (typeof value === "object") return value.map(rendered).join("");
  return escaped(String(value));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Control characters that HTML forbids are shown as U+FFFD, as a parser would. */
function escaped(text: string): string {
  return (
    text
      .replace(/[&<>"']/g, (character) => entities[character] ?? "")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern is meant to match them
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd")
  );
}
