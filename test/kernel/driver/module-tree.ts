import { equal } from "node:assert/strict";
import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { run } from "../stories/cameras.ts";
import type { Stage } from "./stage.ts";

/** The directory to take modules from instead of /lib/modules. */
export const MODULES = "/tmp/modules";
/** The tree in it, made by {@link freshTree}. */
export const TREE = join(MODULES, release());
const NODE_TREE = join("/lib/modules", release());

/** All that v4l2loopback needs, and itself. */
export const FILES = {
  v4l2loopback: "updates/dkms/v4l2loopback.ko",
  videodev: "kernel/drivers/media/v4l2-core/videodev.ko",
  mc: "kernel/drivers/media/mc/mc.ko",
} as const;

/** This kernel's modules come as .ko.xz, and it decompresses them itself. */
export const isXzKernel = existsSync(join(NODE_TREE, `${FILES.mc}.xz`));

/** A tree of this kernel's modules to be changed, all of them plain files, and none of them loaded. */
export function freshTree(stage: Stage): void {
  rmSync(MODULES, { recursive: true, force: true });
  cpSync(NODE_TREE, TREE, { recursive: true });
  if (isXzKernel) {
    for (const path of Object.values(FILES)) {
      rmSync(join(TREE, `${path}.xz`));
      change(path, original(path));
    }
    changeDependencies((text) => text.replace(/\.ko\.xz\b/g, ".ko"));
  }
  stage.unloadAll();
}

const images = new Map<string, Buffer>();

/** A module of the node as a plain file. */
export function original(path: string): Buffer {
  const known = images.get(path);
  if (known !== undefined) return known;
  const file = join(NODE_TREE, path);
  if (isXzKernel) run(["/bin/busybox", "sh", "-c", `unxz -c ${file}.xz >/tmp/original.ko`]);
  const image = readFileSync(isXzKernel ? "/tmp/original.ko" : file);
  images.set(path, image);
  return image;
}

/** As the distribution compressed it. Elsewhere xz can't be decompressed, and the bytes don't matter. */
export function xzOf(path: string): Buffer {
  return isXzKernel ? readFileSync(join(NODE_TREE, `${path}.xz`)) : original(path);
}

/** Puts this in the tree as that file. */
export function change(path: string, image: Uint8Array | string): void {
  writeFileSync(join(TREE, path), image);
}

function changeDependencies(to: (text: string) => string): void {
  change("modules.dep", to(readFileSync(join(TREE, "modules.dep"), "utf8")));
}

/** Gives modules another suffix, in modules.dep too. */
export function compressFiles(
  paths: readonly string[],
  suffix: string,
  compressed: (path: string) => Uint8Array,
): void {
  for (const path of paths) {
    renameSync(join(TREE, path), join(TREE, path + suffix));
    change(path + suffix, compressed(path));
    changeDependencies((text) => text.replaceAll(path, path + suffix));
  }
}

/** All modules as a distribution ships them that compresses them. */
export function compressAll(suffix: string, compress: (image: Uint8Array) => Uint8Array): void {
  compressFiles(Object.values(FILES), suffix, (path) => compress(original(path)));
}

/** The image with one text in place of another of the same length. */
export function patched(path: string, from: string, to: string): Uint8Array {
  const image = Buffer.from(original(path));
  const at = image.indexOf(from);
  equal(at >= 0 && from.length === to.length, true, `there is no ${from} in ${path}`);
  image.write(to, at, "latin1");
  return image;
}
