import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { basename, join } from "node:path";

/** A node to which a link of a device leads. */
export interface LinkTarget {
  /** Differs from that of all other nodes of the device; absent for the first one. */
  readonly name?: string;
  /** Path below /dev: `video0`, `media0`. */
  readonly path: string;
}

/**
 * A link for each device, by its ID, to the node that it has at the moment, and one for each further node. A container runtime follows the link when it
 * creates a container, so that one that restarts has the right device under whatever number, and none that is unplugged.
 */
export class CameraLinks {
  readonly #directory: string;
  readonly #hostDeviceDir: string;
  /** By device ID: the links that this process has made. */
  readonly #made = new Map<string, readonly string[]>();

  /** @param hostDeviceDir Where the host has its nodes. */
  constructor(directory: string, hostDeviceDir: string) {
    this.#directory = directory;
    this.#hostDeviceDir = hostDeviceDir;
  }

  /** @param further Name of a node beside the first one: no ID has an `@`. */
  path(id: string, further?: string): string {
    return join(this.#directory, further === undefined ? id : `${id}@${further}`);
  }

  /** True if there is a link to each of the device's nodes. */
  areAt(id: string, targets: readonly LinkTarget[]): boolean {
    return targets.every(({ name, path }) => this.#isAt(this.path(id, name), path));
  }

  /**
   * Has the links of a device lead to these nodes, and removes its other links, also those of an earlier process.
   * @throws the error of `node:fs`.
   */
  update(id: string, targets: readonly LinkTarget[]): void {
    const wanted = new Map(targets.map(({ name, path }) => [this.path(id, name), path]));
    const before = this.#made.get(id) ?? this.#found(id);
    this.#made.delete(id);
    for (const link of new Set([this.path(id), ...before, ...wanted.keys()])) {
      this.#point(link, wanted.get(link));
    }
    this.#made.set(id, [...wanted.keys()]);
  }

  #found(id: string): string[] {
    try {
      const names = readdirSync(this.#directory).filter((name) => name.startsWith(`${id}@`));
      return names.map((name) => join(this.#directory, name));
    } catch {
      return [];
    }
  }

  #isAt(link: string, node: string): boolean {
    return this.#read(link) === join(this.#hostDeviceDir, node);
  }

  /** Has the link lead to a node, in one step; undefined removes it. */
  #point(link: string, node: string | undefined): void {
    if (node === undefined) {
      if (this.#read(link) !== undefined) rmSync(link, { force: true });
      return;
    }
    if (this.#isAt(link, node)) return;
    this.#ensureDirectory();
    const draft = join(this.#directory, `.${basename(link)}.tmp`);
    rmSync(draft, { force: true });
    symlinkSync(join(this.#hostDeviceDir, node), draft);
    renameSync(draft, link);
  }

  /** Other programs of the host than container runtimes, which run as root, may follow the links, whatever the umask is. */
  #ensureDirectory(): void {
    const isNew = mkdirSync(this.#directory, { recursive: true }) !== undefined;
    if (isNew) chmodSync(this.#directory, 0o755);
  }

  #read(link: string): string | undefined {
    try {
      return readlinkSync(link);
    } catch {
      return undefined;
    }
  }
}
