import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findModule, isBuiltIn } from "./find-module.ts";
import { installHint } from "./install-hint.ts";

const RELEASE = "6.8.0-151-generic";
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "modules-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function file(path: string, text = ""): void {
  mkdirSync(join(dir, RELEASE, path, ".."), { recursive: true });
  writeFileSync(join(dir, RELEASE, path), text);
}

const find = () =>
  findModule(dir, RELEASE).map((path) => path.slice(dir.length + RELEASE.length + 2));

describe("finding the module", () => {
  test("modules.dep is believed before any directory", () => {
    file("updates/dkms/v4l2loopback.ko");
    file("modules.dep", "kernel/v4l2loopback/v4l2loopback.ko.zst: a/videodev.ko a/mc.ko\n");
    expect(find()).toEqual(["a/mc.ko", "a/videodev.ko", "kernel/v4l2loopback/v4l2loopback.ko.zst"]);
  });

  test("without an entry the directories are searched, with what videodev needs", () => {
    file("modules.dep", "a/videodev.ko: a/mc.ko\na/mc.ko:\n");
    file("extra/v4l2loopback.ko.xz");
    file("kernel/v4l2loopback/v4l2loopback.ko");
    expect(find()).toEqual(["a/mc.ko", "a/videodev.ko", "extra/v4l2loopback.ko.xz"]);
  });

  test.each([undefined, "\0\x01no such list\xff", ":\n::\n"])(
    "without a modules.dep of use (%j) the files are looked for where they usually are",
    (text) => {
      if (text !== undefined) file("modules.dep", text);
      file("updates/dkms/v4l2loopback.ko");
      expect(find()).toEqual(["updates/dkms/v4l2loopback.ko"]);
      file("kernel/drivers/media/v4l2-core/videodev.ko.zst");
      file("kernel/drivers/media/mc/mc.ko.zst");
      expect(find()).toEqual([
        "kernel/drivers/media/mc/mc.ko.zst",
        "kernel/drivers/media/v4l2-core/videodev.ko.zst",
        "updates/dkms/v4l2loopback.ko",
      ]);
    },
  );

  test("absolute paths stay what they are", () => {
    file("modules.dep", "/nix/v4l2loopback.ko: /nix/videodev.ko\n");
    expect(findModule(dir, RELEASE)).toEqual(["/nix/videodev.ko", "/nix/v4l2loopback.ko"]);
  });

  test("a module that is built in has no file, and needs no installing", () => {
    file("modules.dep", "");
    file("modules.builtin", "kernel/drivers/media/v4l2loopback.ko\n");
    expect(isBuiltIn(dir, RELEASE)).toBe(true);
    expect(isBuiltIn(dir, "6.1.0")).toBe(false);
    expect(find).toThrow(
      expect.objectContaining({
        message: expect.stringContaining("is built into this kernel"),
        remedy: expect.not.stringMatching(/install/i),
      }),
    );
  });

  test("no file is an error that says what to install", () => {
    file("modules.dep", "");
    expect(find).toThrow(expect.objectContaining({ code: "module_file_not_found" }));
  });

  test("no tree for this kernel is an error of its own", () => {
    expect(find).toThrow(
      expect.objectContaining({
        code: "module_tree_not_found",
        remedy: expect.stringMatching(/is empty: mount the host's.*apt-get install/),
      }),
    );
    mkdirSync(join(dir, "5.0.0-1-generic"));
    expect(find).toThrow(
      expect.objectContaining({
        code: "module_tree_not_found",
        remedy: expect.stringContaining("another kernel"),
      }),
    );
    expect(() => findModule(join(dir, "absent"), RELEASE)).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining("Mount the host's /lib/modules") }),
    );
  });
});

describe("install hints", () => {
  test.each([
    ["6.8.0-151-generic", "linux-modules-extra-$(uname -r)"],
    ["6.8.0-1021-gke", "linux-modules-extra-$(uname -r)"],
    ["6.14.0-37-generic", "linux-modules-extra-$(uname -r)"],
    ["7.0.0-44-generic", "--reinstall linux-modules-$(uname -r)"],
    ["6.1.0-44-amd64", "--reinstall linux-image-$(uname -r)"],
    ["6.12.57+deb13-cloud-arm64", "cloud kernels are built without video support"],
    ["5.14.0-503.el9.x86_64", "kernel-modules-$(uname -r)"],
    ["6.12.1-talos", "system extension"],
    ["6.1.112", "Install the modules videodev and mc"],
  ])("of %s for videodev", (release, hint) => {
    expect(installHint("videodev", release)).toContain(hint);
  });

  test.each(["6.8.0-151-generic", "6.8.0-1021-gke", "5.15.0-130-generic"])(
    "no hint for Ubuntu's %s is the dkms package",
    (release) => {
      expect(installHint("v4l2loopback", release)).toContain("v4l2loopback-dkms is not needed");
    },
  );

  test.each([
    ["6.1.0-44-amd64", "v4l2loopback-dkms linux-headers-$(uname -r)"],
    ["6.11.4-301.fc41.x86_64", "akmod-v4l2loopback"],
    ["6.12.1-arch1-1", "pacman -S v4l2loopback-dkms"],
    ["7.0.0-44-generic", "linux-modules-v4l2loopback-generic"],
  ])("of %s for v4l2loopback", (release, hint) => {
    expect(installHint("v4l2loopback", release)).toContain(hint);
  });
});
