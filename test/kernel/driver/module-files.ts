import { deepEqual, equal, match } from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { loaded, passFrames, query } from "../stories/cameras.ts";
import {
  change,
  compressAll,
  compressFiles,
  FILES,
  freshTree,
  isXzKernel,
  MODULES,
  original,
  patched,
  TREE,
  xzOf,
} from "./module-tree.ts";
import type { Scenario } from "./scenario.ts";
import { errorOf, type Stage } from "./stage.ts";
import { storedXz } from "./stored-xz.ts";

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

/** Those that the plugin can undo itself. */
const COMPRESSIONS = [
  [".gz", gzipSync],
  [".zst", zstdCompressSync],
] as const;

/** What files a node may have of the module, good and bad. */
export const moduleFiles: readonly Scenario[] = [
  ...COMPRESSIONS.map(
    ([suffix, compress]): Scenario => ({
      name: `modules compressed to .ko${suffix} are loaded, decompressed by the kernel or the plugin`,
      async run(stage) {
        freshTree(stage);
        compressAll(suffix, compress);
        await loads(stage);
        return undefined;
      },
    }),
  ),
  {
    name: "modules compressed to .ko.xz are loaded by a kernel that can decompress them, or refused with the reason",
    async run(stage) {
      freshTree(stage);
      compressFiles(Object.values(FILES), ".xz", xzOf);
      equal(existsSync("/sys/module/compression"), isXzKernel);
      if (!isXzKernel) {
        const { code, message } = await refused(stage);
        equal(code, "module_compression_unsupported");
        match(message, /xz/);
        return "refused";
      }
      const driver = stage.driver({ modulesDir: MODULES, maxDevices: 8, mode: 0o666 });
      equal((await driver.ensure()).created.length, 8);
      deepEqual(loaded(Object.keys(FILES)), Object.keys(FILES));
      await passFrames("/dev/video17", () => {});
      await driver.reset("video17");
      deepEqual(new Set((await driver.inspect()).map(({ reason }) => reason)), new Set(["ok"]));
      return "loaded";
    },
  },
  {
    name: "v4l2loopback compressed to .ko.gz or .ko.zst is loaded after modules as the kernel has them",
    async run(stage) {
      for (const [suffix, compress] of COMPRESSIONS) {
        freshTree(stage);
        if (isXzKernel) compressFiles([FILES.videodev, FILES.mc], ".xz", xzOf);
        compressFiles([FILES.v4l2loopback], suffix, (path) => compress(original(path)));
        await loads(stage);
      }
      return undefined;
    },
  },
  {
    name: "a .ko.xz that is cut short or no xz is named as such, or refused for being xz, and nothing is left half done",
    async run(stage) {
      const whole = xzOf(FILES.v4l2loopback);
      for (const [image, why] of [
        [Buffer.from("garbage"), /it is no xz file/],
        ["", /it is no xz file/],
        [whole.subarray(0, 9000), /it is cut short/],
        [whole.subarray(0, -4), /it is cut short/],
      ] as const) {
        freshTree(stage);
        compressFiles(Object.values(FILES), ".xz", xzOf);
        change(`${FILES.v4l2loopback}.xz`, image);
        const { code, message } = await refused(stage);
        equal(code, isXzKernel ? "module_file_corrupt" : "module_compression_unsupported");
        match(message, isXzKernel ? why : /xz/);
      }
      if (!isXzKernel) return "refused";
      change(`${FILES.v4l2loopback}.xz`, whole);
      await loads(stage);
      freshTree(stage);
      compressFiles(Object.values(FILES), ".xz", xzOf);
      change(`${FILES.videodev}.xz`, xzOf(FILES.videodev).subarray(0, 9000));
      const { code, message } = await refused(stage);
      equal(code, "module_file_corrupt");
      match(message, /videodev\.ko\.xz/);
      return "named";
    },
  },
  {
    name: "a .ko.xz that was built for another kernel is named as such, or refused for being xz",
    async run(stage) {
      freshTree(stage);
      const vermagic = `vermagic=${release()} SMP`;
      const other = patched(FILES.v4l2loopback, vermagic, vermagic.replace("SMP", "UPP"));
      compressFiles(Object.values(FILES), ".xz", xzOf);
      change(`${FILES.v4l2loopback}.xz`, storedXz(other));
      const { code, message } = await refused(stage);
      equal(code, isXzKernel ? "module_wrong_kernel" : "module_compression_unsupported");
      match(message, /xz/);
      // That this hand's xz files are right shows in one of the module as it is.
      change(`${FILES.v4l2loopback}.xz`, storedXz(original(FILES.v4l2loopback)));
      if (isXzKernel) await loads(stage);
      return isXzKernel ? "named" : "refused";
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
        match(message, /v4l2loopback\.ko .*not a kernel module, or is cut short/);
      }
      for (const [suffix, compress] of COMPRESSIONS) {
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
    name: "without a tree for this kernel the error says so",
    async run(stage) {
      rmSync(MODULES, { recursive: true, force: true });
      equal((await refused(stage)).code, "module_tree_not_found");
      return undefined;
    },
  },
];
