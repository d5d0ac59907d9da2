/** The name of an image as a builder is given it. */
export interface BaseImage {
  /** `gcr.io/distroless/base-nossl-debian12`; without a registry if the builder is to know. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:…`; undefined unless it is pinned. */
  readonly digest: string | undefined;
}

/** Takes any name apart that a builder may be given: `debian`, `localhost:5000/a/b:1`, `x.io/a:1@sha256:…`. */
export function splitImageName(image: string): BaseImage {
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
  const name = image.replace(/@.*$/, "");
  const tag = /:([^:/]+)$/.exec(name)?.[1];
  const repository = tag === undefined ? name : name.slice(0, -tag.length - 1);
  return { repository, tag, digest };
}

/** Which of the images in `bases.env`, by the names of their variables, have no digest. */
export function unpinnedBases(text: string): string[] {
  return [...text.matchAll(/^(\w+)=(.*)$/gm)].flatMap(([, key = "", image = ""]) =>
    splitImageName(image).digest === undefined ? [key] : [],
  );
}
