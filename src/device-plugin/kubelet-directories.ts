import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";
import { PluginError } from "../common/plugin-error.ts";

/** Paths of the sockets whose directories the kubelet creates. */
export interface KubeletSockets {
  readonly kubeletSocket: string;
  /** The plugin's own. */
  readonly socketPath: string;
  readonly podResourcesSocket: string;
}

const again =
  "a new process sees the directory of now. The kubelet starts the container of a pod again and systemd the unit; otherwise start the plugin again.";

/**
 * The kubelet's directories, as the mounts of this process show them. A mount shows what it was made of: if a
 * directory is deleted and created again (`kubeadm reset`), then
 * - a container's mount stays at the deleted one, in which no kubelet will ever listen,
 * - the kernel unmounts what was mounted on the deleted one itself, as systemd does for `ReadWritePaths`, and the new
 *   directory has the mode of what is around it: read-only.
 */
export class KubeletDirectories {
  readonly #all: readonly string[];
  /** The directory of the plugin's own socket. */
  readonly #own: string;
  #wasWritable = false;

  constructor({ kubeletSocket, socketPath, podResourcesSocket }: KubeletSockets) {
    this.#own = dirname(socketPath);
    this.#all = [...new Set([kubeletSocket, socketPath, podResourcesSocket].map(dirname))];
  }

  /**
   * Why this process can't reach the kubelet any more and a new one can: `kubelet_directory_deleted` or
   * `kubelet_directory_read_only`. Undefined if there is no such reason; a directory that is missing may come back.
   */
  loss(): PluginError | undefined {
    const deleted = this.#all.find(isDeleted);
    if (deleted !== undefined) {
      return new PluginError(
        "kubelet_directory_deleted",
        `The directory ${deleted} that is mounted here was deleted, so the kubelet no longer uses it.`,
        { remedy: `Restart the plugin: ${again}` },
      );
    }
    const errno = accessErrno(this.#own);
    if (errno === undefined) this.#wasWritable = true;
    if (errno !== "EROFS" || !this.#wasWritable) return undefined;
    return new PluginError(
      "kubelet_directory_read_only",
      `The directory ${this.#own} was writable and is read-only now: it was deleted and created again, or its file system failed.`,
      { remedy: `Restart the plugin: ${again} If that doesn't help, see dmesg on the host.` },
    );
  }
}

/** True if what this path leads to was deleted and is only held by a mount, or if that is true of its parent. */
function isDeleted(path: string): boolean {
  const links = linksOf(path);
  // A missing directory says nothing: the mount may be at its parent.
  if (links === undefined) return path !== dirname(path) && isDeleted(dirname(path));
  // Twice, since a directory that is deleted at this moment may be found and then have no link.
  return links === 0 && linksOf(path) === 0;
}

/** Number of a directory's links: none if it was deleted. Undefined if there is none, or it can't be seen. */
function linksOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.nlink;
  } catch {
    return undefined;
  }
}

/** The errno with which writing to the directory is refused; undefined if it is not. */
function accessErrno(directory: string): string | undefined {
  try {
    accessSync(directory, constants.W_OK);
    return undefined;
  } catch (reason) {
    return (reason as NodeJS.ErrnoException).code ?? "unknown";
  }
}
