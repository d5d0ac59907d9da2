import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeletDirectories } from "./kubelet-directories.ts";

describe("the kubelet's directories", () => {
  let root: string;
  let directories: KubeletDirectories;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "directories-"));
    for (const name of ["dp", "pr"]) mkdirSync(join(root, name));
    directories = new KubeletDirectories({
      kubeletSocket: join(root, "dp/kubelet.sock"),
      socketPath: join(root, "dp/plugin.sock"),
      podResourcesSocket: join(root, "pr/kubelet.sock"),
    });
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  test("are not lost while they are there, are missing, or are there again", () => {
    expect(directories.loss()).toBeUndefined();
    for (const name of ["dp", "pr"]) rmSync(join(root, name), { recursive: true });
    expect(directories.loss()).toBeUndefined();
    for (const name of ["dp", "pr"]) mkdirSync(join(root, name));
    expect(directories.loss()).toBeUndefined();
    rmSync(root, { recursive: true });
    expect(directories.loss()).toBeUndefined();
  });

  // /proc/self/cwd leads to a directory as a mount does: also to one that was deleted.
  test.each(["", "parent/"])("are lost when a mount shows a deleted one (%sdp)", (parent) => {
    const script = `
      import { KubeletDirectories } from ${JSON.stringify(join(import.meta.dir, "kubelet-directories.ts"))};
      import { mkdirSync, rmSync } from "node:fs";
      const directory = "/proc/self/cwd/${parent}";
      mkdirSync(directory, { recursive: true });
      const directories = new KubeletDirectories({
        kubeletSocket: directory + "kubelet.sock",
        socketPath: directory + "plugin.sock",
        podResourcesSocket: "/nowhere/kubelet.sock",
      });
      const before = directories.loss();
      rmSync(${JSON.stringify(join(root, "dp"))}, { recursive: true });
      mkdirSync(${JSON.stringify(join(root, "dp"))});
      console.log(JSON.stringify({ before: before ?? null, after: directories.loss()?.code }));
    `;
    const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script], {
      cwd: join(root, "dp"),
    });
    expect(String(stderr)).toBe("");
    expect(JSON.parse(String(stdout))).toEqual({
      before: null,
      after: "kubelet_directory_deleted",
    });
  });
});
