import { deepEqual, equal, match } from "node:assert/strict";
import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { loaded, query } from "../stories/cameras.ts";
import type { Scenario } from "./scenario.ts";
import { errorOf, type Stage } from "./stage.ts";

const MODULES = "/tmp/modules";
const TREE = join(MODULES, release());

/** All that v4l2loopback needs, and itself. */
const FILES = {
  v4l2loopback: "updates/dkms/v4l2loopback.ko",
  videodev: "kernel/drivers/media/v4l2-core/videodev.ko",
  mc: "kernel/drivers/media/mc/mc.ko",
} as const;

/** A tree of this kernel's modules to be changed, and none of them loaded. */
function freshTree(stage: Stage): void {
  rmSync(MODULES, { recursive: true, force: true });
  cpSync(join("/lib/modules", release()), TREE, { recursive: true });
  stage.unloadAll();
}

const original = (path: string) => readFileSync(join("/lib/modules", release(), path));

function change(path: string, image: Uint8Array | string): void {
  writeFileSync(join(TREE, path), image);
}

/** All modules as a distribution ships them that compresses them, modules.dep too. */
function compressAll(suffix: string, compress: (image: Uint8Array) => Uint8Array): void {
  for (const path of Object.values(FILES)) {
    renameSync(join(TREE, path), join(TREE, path + suffix));
    change(path + suffix, compress(original(path)));
  }
  change(
    "modules.dep",
    readFileSync(join(TREE, "modules.dep"), "utf8").replace(/\.ko\b/g, `.ko${suffix}`),
  );
}

async function loads(stage: Stage): Promise<void> {
  const report = await stage.driver({ modulesDir: MODULES }).ensure();
  deepEqual(report.failed, []);
  equal(query().length, 3);
}

/** The code and message of the refusal, after which nothing is there. */
async function refused(stage: Stage): Promise<{ code: string; message: string }> {
  const error = await errorOf(stage.driver({ modulesDir: MODULES }).ensure());
  deepEqual(loaded(["v4l2loopback"]), []);
  deepEqual(query(), []);
  equal(existsSync("/dev/v4l2loopback"), false);
  return error;
}

/** The image with one text in place of another of the same length. */
function patched(path: string, from: string, to: string): Uint8Array {
  const image = Buffer.from(original(path));
  const at = image.indexOf(from);
  equal(at >= 0 && from.length === to.length, true, `there is no ${from} in ${path}`);
  image.write(to, at, "latin1");
  return image;
}

/** What files a node may have of the module, good and bad. */
export const moduleFiles: readonly Scenario[] = [
  ...([".gz", ".zst"] as const).map(
    (suffix): Scenario => ({
      name: `modules compressed to .ko${suffix} are loaded, by whoever can decompress them`,
      async run(stage) {
        freshTree(stage);
        compressAll(suffix, suffix === ".gz" ? gzipSync : zstdCompressSync);
        await loads(stage);
        return undefined;
      },
    }),
  ),
  {
    name: "modules compressed to .ko.xz are loaded by a kernel that can decompress them, or refused with the reason",
    async run(stage) {
      freshTree(stage);
      // xz is the kernel's or nobody's: the bytes are not looked at where it can't.
      compressAll(".xz", (image) => image);
      equal(existsSync("/sys/module/compression"), false);
      const { code, message } = await refused(stage);
      equal(code, "module_compression_unsupported");
      match(message, /xz/);
      return "refused";
    },
  },
  {
    name: "a file that is no module, is empty, cut short or can't be decompressed is named as such",
    async run(stage) {
      const path = FILES.v4l2loopback;
      for (const image of [Buffer.from("not a module\n"), "", original(path).subarray(0, 20_000)]) {
        freshTree(stage);
        change(path, image);
        const { code, message } = await refused(stage);
        equal(code, "module_file_corrupt");
        match(message, /v4l2loopback\.ko .*no kernel module, or is cut short/);
      }
      for (const [suffix, compress] of [
        [".gz", gzipSync],
        [".zst", zstdCompressSync],
      ] as const) {
        for (const image of [Buffer.from("garbage"), compress(original(path)).subarray(0, 9000)]) {
          freshTree(stage);
          compressAll(suffix, compress);
          change(path + suffix, image);
          const { code, message } = await refused(stage);
          equal(code, "module_file_corrupt");
          match(message, /can't be decompressed|is cut short/);
        }
      }
      return undefined;
    },
  },
  {
    name: "a file that was built for another kernel is named with both kernels",
    async run(stage) {
      freshTree(stage);
      // With CONFIG_MODVERSIONS the release is passed over by the kernel, the words behind it are not.
      const other = release().replace(/^\d/, "5");
      const image = Buffer.from(
        patched(FILES.v4l2loopback, `vermagic=${release()} SMP`, `vermagic=${other} UPP`),
      );
      change(FILES.v4l2loopback, image);
      const { code, message } = await refused(stage);
      equal(code, "module_wrong_kernel");
      equal(message.includes(`it was built for ${other}, and this is ${release()}`), true, message);
      return undefined;
    },
  },
  {
    name: "a file of another build of this kernel is named as such",
    async run(stage) {
      freshTree(stage);
      change(
        FILES.v4l2loopback,
        patched(FILES.v4l2loopback, `vermagic=${release()} SMP`, `vermagic=${release()} UPP`),
      );
      const { code, message } = await refused(stage);
      equal(code, "module_wrong_kernel");
      match(message, /of another build of this kernel/);
      return undefined;
    },
  },
  {
    name: "without modules.dep, or with one that is garbage, the files are found where they usually are",
    async run(stage) {
      for (const text of [undefined, "\0\u0001garbage\n::\n"]) {
        freshTree(stage);
        if (text === undefined) rmSync(join(TREE, "modules.dep"));
        else change("modules.dep", text);
        await loads(stage);
        stage.clear();
      }
      return undefined;
    },
  },
  {
    name: "a file of videodev that is missing or bad is named, and v4l2loopback not loaded",
    async run(stage) {
      freshTree(stage);
      rmSync(join(TREE, FILES.videodev));
      equal((await refused(stage)).code, "module_file_not_found");
      rmSync(join(TREE, "modules.dep"));
      equal((await refused(stage)).code, "module_dependency_missing");
      freshTree(stage);
      change(FILES.videodev, "garbage");
      const { code, message } = await refused(stage);
      equal(code, "module_file_corrupt");
      match(message, /videodev\.ko/);
      return undefined;
    },
  },
  {
    name: "without a tree for this kernel that is said",
    async run(stage) {
      rmSync(MODULES, { recursive: true, force: true });
      equal((await refused(stage)).code, "module_tree_not_found");
      return undefined;
    },
  },
];
