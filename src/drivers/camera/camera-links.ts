import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

/**
 * A link for each device, by its ID, to the node that it has at the moment. A container runtime follows the link when it
 * creates a container, so that one that restarts has the right device under whatever number, and none that is unplugged.
 */
export class CameraLinks {
  readonly #directory: string;
  readonly #target: (number: number) => string;

  /** @param target Path of a node on the host. */
  constructor(directory: string, target: (number: number) => string) {
    this.#directory = directory;
    this.#target = target;
  }

  path(id: string): string {
    return join(this.#directory, id);
  }

  /** True if the device's link leads to the node of that number. */
  isAt(id: string, number: number): boolean {
    return this.#read(id) === this.#target(number);
  }

  /**
   * Has the link lead to a node, in one step; undefined removes it.
   * @throws the error of `node:fs`.
   */
  point(id: string, number: number | undefined): void {
    const path = this.path(id);
    if (number === undefined) {
      if (this.#read(id) !== undefined) rmSync(path, { force: true });
      return;
    }
    if (this.isAt(id, number)) return;
    // Container runtimes run as root, and other programs of the host may want to follow it.
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
    const draft = join(this.#directory, `.${id}.tmp`);
    rmSync(draft, { force: true });
    symlinkSync(this.#target(number), draft);
    renameSync(draft, path);
  }

  #read(id: string): string | undefined {
    try {
      return readlinkSync(this.path(id));
    } catch {
      return undefined;
    }
  }
}
