/** The name of an image, as a builder accepts it. */
export interface BaseImage {
  /** `gcr.io/distroless/base-nossl-debian12`; without a registry if the builder has a default. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:…`; undefined unless it is pinned. */
  readonly digest: string | undefined;
}

/** Parses the name of an image: `debian`, `localhost:5000/a/b:1`, `x.io/a:1@sha256:…`. */
export function splitImageName(image: string): BaseImage {
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
  const name = image.replace(/@.*$/, "");
  const tag = /:([^:/]+)$/.exec(name)?.[1];
  const repository = tag === undefined ? name : name.slice(0, -tag.length - 1);
  return { repository, tag, digest };
}

/** Variables of `bases.env` whose image has no digest. */
export function unpinnedBases(text: string): string[] {
  return [...text.matchAll(/^(\w+)=(.*)$/gm)].flatMap(([, key = "", image = ""]) =>
    splitImageName(image).digest === undefined ? [key] : [],
  );
}
