import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explainFailure, explainWait } from "./explain-registration.ts";

describe("a wait for the kubelet", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "wait-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("is explained by a directory that is not mounted", () => {
    expect(explainWait("kubelet_absent", join(directory, "none/kubelet.sock"))).toMatchObject({
      code: "kubelet_directory_missing",
      message: `There is no directory ${directory}/none.`,
      remedy: `Mount the host's ${directory}/none into the container, at the same path.`,
    });
  });

  test("is explained by a kubelet without a socket, or one that does not listen", () => {
    expect(explainWait("kubelet_absent", join(directory, "kubelet.sock"))).toMatchObject({
      code: "kubelet_absent",
      remedy: expect.stringContaining("systemctl status kubelet"),
    });
    expect(explainWait("kubelet_refusing", join(directory, "kubelet.sock"))).toMatchObject({
      code: "kubelet_refusing",
      message: `No process listens on ${directory}/kubelet.sock.`,
    });
  });

  test("is explained by a path that can't be accessed", () => {
    writeFileSync(join(directory, "file"), "");
    expect(explainWait("kubelet_absent", join(directory, "file/dp/kubelet.sock"))).toMatchObject({
      code: "kubelet_directory_denied",
      message: expect.stringContaining("ENOTDIR"),
    });
  });

  test("for another reason has no explanation", () => {
    expect(explainWait("backoff", join(directory, "kubelet.sock"))).toBeUndefined();
  });
});

describe("a failed step of the registration", () => {
  const paths = { kubeletSocket: "/kubelet/kubelet.sock", socketPath: "/ours/plugin.sock" };

  test.each([
    ["listen", "EACCES: permission denied, access '/ours'", "Run as the owner of /ours"],
    ["listen", "EROFS: read-only file system, access '/ours'", "Mount /ours without readOnly"],
    ["listen", "ENOENT: no such file, access '/ours'", "Mount the host's /ours"],
    ["listen", "ENOSPC: no space left on device, bind", "Free space on the file system of /ours"],
    ["register", "connect EACCES /kubelet/kubelet.sock", "Run as the owner of /kubelet"],
  ] as const)("%s: %s", (step, message, remedy) => {
    expect(explainFailure(step, message, paths)).toMatchObject({
      code: `${step}_failed`,
      message,
      remedy: expect.stringContaining(remedy),
    });
  });

  test("has no remedy for an error of the kubelet", () => {
    expect(explainFailure("register", "the ResourceName is taken", paths).fields()).toEqual({
      error: "the ResourceName is taken",
      error_code: "register_failed",
    });
  });
});
