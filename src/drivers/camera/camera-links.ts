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

/**
 * A link for each device, by its ID, to the node that it has at the moment. A container runtime follows the link when it
 * creates a container, so that one that restarts has the right device under whatever number, and none that is unplugged.
 */
export class CameraLinks {
  readonly #directory: string;
  readonly #hostDeviceDir: string;

  /** @param hostDeviceDir Where the host has its nodes. */
  constructor(directory: string, hostDeviceDir: string) {
    this.#directory = directory;
    this.#hostDeviceDir = hostDeviceDir;
  }

  /** @param further Name of a node beside the first one: no ID has an `@`. */
  path(id: string, further?: string): string {
    return join(this.#directory, further === undefined ? id : `${id}@${further}`);
  }

  /** The links of a device that there are beside its first one, also those of an earlier process. */
  further(id: string): string[] {
    try {
      const names = readdirSync(this.#directory).filter((name) => name.startsWith(`${id}@`));
      return names.map((name) => join(this.#directory, name));
    } catch {
      return [];
    }
  }

  /** True if the link leads to the node with that path below /dev. */
  isAt(link: string, node: string): boolean {
    return this.#read(link) === join(this.#hostDeviceDir, node);
  }

  /**
   * Has the link lead to a node, in one step; undefined removes it.
   * @param node Its path below /dev.
   * @throws the error of `node:fs`.
   */
  point(link: string, node: string | undefined): void {
    if (node === undefined) {
      if (this.#read(link) !== undefined) rmSync(link, { force: true });
      return;
    }
    if (this.isAt(link, node)) return;
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
