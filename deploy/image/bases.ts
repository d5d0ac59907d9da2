/** The digest that an image's name ends with, `sha256:…`; undefined if it names a tag alone. */
export function digestIn(image: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
}

/** Which of the images in `bases.env`, by the names of their variables, have no digest. */
export function unpinnedBases(text: string): string[] {
  return [...text.matchAll(/^(\w+)=(.*)$/gm)].flatMap(([, key = "", image = ""]) =>
    digestIn(image) === undefined ? [key] : [],
  );
}
