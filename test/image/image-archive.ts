import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";

/** The part of an image's configuration that is for running it (image-spec, config.md). */
export interface ImageConfig {
  readonly architecture: string;
  readonly created: string;
  readonly config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly Cmd?: readonly string[];
    readonly WorkingDir: string;
    readonly Labels: Readonly<Record<string, string>>;
  };
}

/** A file or directory of a layer. */
export interface LayerEntry {
  /** The mode as in `ls`: `-rwxr-xr-x`. */
  readonly mode: string;
  /** Numeric `user/group`. */
  readonly owner: string;
  readonly size: number;
  /** Path without a slash at either end. */
  readonly path: string;
}

/** An image in an unpacked OCI archive (image-spec, image-layout.md). */
export class ImageArchive {
  readonly config: ImageConfig;
  /** Compressed layers, from the base's upwards. */
  readonly layers: readonly string[];

  private constructor(directory: string) {
    const blob = (digest: string) => join(directory, "blobs", digest.replace(":", "/"));
    const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
    const [{ digest }] = json(join(directory, "index.json")).manifests;
    const manifest = json(blob(digest));
    this.config = json(blob(manifest.config.digest)) as ImageConfig;
    this.layers = manifest.layers.map((layer: { digest: string }) => blob(layer.digest));
  }

  /** Creates `directory` and unpacks `archive` into it. */
  static async open(archive: string, directory: string): Promise<ImageArchive> {
    mkdirSync(directory, { recursive: true });
    await run(["tar", "--extract", "--file", archive, "--directory", directory]);
    return new ImageArchive(directory);
  }

  /** The entries of a layer. */
  async entries(layer: string): Promise<LayerEntry[]> {
    const listing = await run([
      "tar",
      "--list",
      "--verbose",
      "--numeric-owner",
      "--gzip",
      "--file",
      layer,
    ]);
    return listing.split("\n").map((line) => {
      const [mode = "", owner = "", size = "", , , path = ""] = line.split(/\s+/);
      return { mode, owner, size: Number(size), path: path.replace(/\/$/, "") };
    });
  }

  /** Unpacks the layers over each other. None of them removes a file, so whiteouts aren't supported. */
  async unpack(directory: string): Promise<void> {
    mkdirSync(directory, { recursive: true });
    for (const layer of this.layers) {
      await run(["tar", "--extract", "--gzip", "--file", layer, "--directory", directory]);
    }
  }
}
