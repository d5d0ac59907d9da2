import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run.ts";

/** A buildah with its own storage, in a directory that is removed with it. */
export class Workshop {
  /** Directory for temporary files. */
  readonly directory = mkdtempSync(join(tmpdir(), "vdp-image-"));
  readonly env: Readonly<Record<string, string>>;

  constructor() {
    const temporary = join(this.directory, "tmp");
    mkdirSync(temporary);
    const configuration = join(this.directory, "storage.conf");
    writeFileSync(
      configuration,
      `[storage]
driver = "${driver()}"
graphroot = "${join(this.directory, "storage")}"
runroot = "${join(this.directory, "run")}"
`,
    );
    this.env = {
      CONTAINERS_STORAGE_CONF: configuration,
      // Its steps run with chroot alone, which also works in containers and microVMs.
      BUILDAH_ISOLATION: "chroot",
      TMPDIR: temporary,
    };
  }

  async buildah(...args: string[]): Promise<string> {
    return run(["buildah", ...args], { env: this.env });
  }

  /** Unmounts and removes everything. */
  async close(): Promise<void> {
    await this.buildah("rm", "--all").catch(() => undefined);
    // An overlay storage stays mounted on itself.
    const storage = join(this.directory, "storage/overlay");
    if (existsSync(storage)) await run(["umount", storage]).catch(() => undefined);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Plain copies if the kernel has no overlayfs: slower, with the same result. */
function driver(): string {
  const { stdout } = Bun.spawnSync(["cat", "/proc/filesystems"]);
  return stdout.toString().includes("\toverlay\n") ? "overlay" : "vfs";
}
