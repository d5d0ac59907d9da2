/** Markup that is safe to put on a page as it is. Made by `html` alone, so what isn't is text. */
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
 * A template whose values are escaped, for text and for double-quoted attributes alike; markup and lists of it go in
 * as they are, undefined and false are nothing.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  let markup = parts[0] ?? "";
  for (const [index, value] of values.entries()) markup += rendered(value) + parts[index + 1];
  return new Html(markup);
}

/**
 * A name or a sentence from elsewhere, kept apart from the direction of the text around it: one right-to-left
 * override in a pod's note must not turn the page around.
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
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd")
  );
}
