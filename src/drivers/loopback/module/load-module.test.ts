import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { FakeLoopbackKernel } from "../../../../test/support/fake-loopback-kernel.ts";
import { steppingClock } from "../../../../test/support/stepping-clock.ts";
import { ErrnoError } from "../../../linux/errno-error.ts";
import { findModule } from "./find-module.ts";
import { loadModule, xzDefect } from "./load-module.ts";

let kernel: FakeLoopbackKernel;
beforeEach(() => {
  kernel = new FakeLoopbackKernel();
});
afterEach(() => kernel.close());

function load(params = "devices=1 video_nr=10") {
  const { modulesDir, kernelRelease, sysfsDir } = kernel;
  const files = findModule(modulesDir, kernelRelease);
  return loadModule({ files, params, kernelRelease, sysfsDir }, kernel, steppingClock());
}

/** A tree in which v4l2loopback's file has this suffix and content. */
function compressed(suffix: string, content: Uint8Array | string): void {
  const path = `extra/v4l2loopback.ko${suffix}`;
  kernel.installModules({ "a/mc.ko": "", "a/videodev.ko": "", [path]: "a/videodev.ko a/mc.ko" });
  writeFileSync(join(kernel.modulesDir, kernel.kernelRelease, path), content);
}

const kernelDecompresses = (algorithm: string) =>
  writeFileSync(join(kernel.sysfsDir, "module/compression"), `${algorithm}\n`);

describe("loading", () => {
  test("what it needs comes first", async () => {
    expect(await load()).toBe("loaded");
    expect(kernel.journal).toEqual(["finit mc.ko", "finit videodev.ko", "finit v4l2loopback.ko"]);
  });

  test("what is loaded already is not loaded again", async () => {
    kernel.finitModule(
      join(kernel.modulesDir, kernel.kernelRelease, "kernel/drivers/media/mc/mc.ko"),
      "",
      0,
    );
    kernel.journal.length = 0;
    await load();
    expect(kernel.journal).toEqual(["finit videodev.ko", "finit v4l2loopback.ko"]);
  });

  test("a module that another program has loaded is no failure", async () => {
    kernel.preload("devices=1");
    expect(await load()).toBe("already");
  });

  test("EEXIST without the module is two devices of one number", async () => {
    await expect(load("devices=2 video_nr=10,10")).rejects.toMatchObject({
      code: "device_number_taken",
    });
  });

  test("waits for the end of another program's failing load", async () => {
    kernel.failures.push(["v4l2loopback", 16], ["v4l2loopback", 16]);
    expect(await load()).toBe("loaded");
  });

  test("but not for ever", async () => {
    for (let i = 0; i < 20; i++) kernel.failures.push(["v4l2loopback", 16]);
    await expect(load()).rejects.toMatchObject({ code: "module_busy" });
  });

  test("a needed module that fails is the one that's named", async () => {
    kernel.failures.push(["videodev", 8]);
    await expect(load()).rejects.toMatchObject({
      code: "module_file_corrupt",
      message: expect.stringContaining("videodev.ko (finit_module: ENOEXEC)"),
    });
  });

  test("a file that modules.dep lists and that is not installed is named", async () => {
    rmSync(join(kernel.modulesDir, kernel.kernelRelease, "kernel/drivers/media/mc/mc.ko"));
    await expect(load()).rejects.toMatchObject({
      code: "module_file_not_found",
      message: expect.stringContaining("mc.ko (open: ENOENT)"),
    });
  });

  test("without videodev's package the remedy is its name", async () => {
    kernel.installModules({ "kernel/v4l2loopback/v4l2loopback.ko": "" });
    await expect(load()).rejects.toMatchObject({
      code: "module_dependency_missing",
      remedy: "On the host: apt-get install linux-modules-extra-$(uname -r)",
    });
  });
});

describe("compressed modules", () => {
  test("are the kernel's to decompress if it can", async () => {
    compressed(".zst", zstdCompressSync("module v4l2loopback"));
    kernelDecompresses("zstd");
    await load();
    expect(kernel.journal.at(-1)).toBe("finit v4l2loopback.ko.zst 4");
  });

  test.each([
    [".gz", gzipSync("module v4l2loopback")],
    [".zst", zstdCompressSync("module v4l2loopback")],
  ])("%s is decompressed here if the kernel can't", async (suffix, content) => {
    compressed(suffix, content);
    kernelDecompresses("xz");
    await load();
    expect(kernel.journal.at(-1)).toBe("init v4l2loopback");
  });

  test("a kernel that only claims it could is not believed", async () => {
    compressed(".gz", gzipSync("module v4l2loopback"));
    kernelDecompresses("gzip");
    kernel.failures.push(["v4l2loopback", 95]);
    await load();
    expect(kernel.journal.slice(-2)).toEqual(["finit v4l2loopback.ko.gz 4", "init v4l2loopback"]);
  });

  test("xz is left to the kernel, or refused", async () => {
    compressed(".xz", "\u00fd7zXZ");
    await expect(load()).rejects.toMatchObject({ code: "module_compression_unsupported" });
    kernelDecompresses("xz");
    expect(await load()).toBe("loaded");
  });

  test("a damaged file differs from one that the kernel refuses", async () => {
    compressed(".gz", "not gzip");
    const error: unknown = await load().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "module_file_corrupt" });
    expect(error).not.toBeInstanceOf(ErrnoError);
  });
});

/** `printf x | xz --check=crc32` */
const XZ = Buffer.from(
  "fd377a585a0000016922de360200210116000000742fe5a301000078000000008316dc8c00011501a96334609042990d010000000001595a",
  "hex",
);

describe("the defect of an xz file", () => {
  function defectOf(bytes: Uint8Array): string | undefined {
    const path = join(kernel.root, "file.xz");
    writeFileSync(path, bytes);
    return xzDefect(path);
  }

  test("is none if the file is whole, or has padding behind it", () => {
    expect(defectOf(XZ)).toBeUndefined();
    expect(defectOf(Buffer.concat([XZ, Buffer.alloc(8)]))).toBeUndefined();
  });

  test.each([6, 7, 20, XZ.length - 1])(
    "is that it is cut short if it ends after %p bytes",
    (length) => {
      expect(defectOf(XZ.subarray(0, length))).toBe("cut short");
    },
  );

  test.each(["", "\0\0\0\0\0\0\0\0", "\x7fELF", "\xfd7zXZ"])("is that %j is no xz file", (text) => {
    expect(defectOf(Buffer.from(text, "latin1"))).toBe("no xz file");
  });
});
