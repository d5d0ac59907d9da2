import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../../../test/support/eventually.ts";
import { linuxCameras } from "./linux-cameras.ts";

const calls = {
  openUevents: () => {
    throw new Error("not asked for");
  },
};

test("a child process that does not begin in time opens no device later", async () => {
  const directory = mkdtempSync(join(tmpdir(), "vdp-"));
  const pidFile = join(directory, "pid");
  const child = ["/bin/sh", "-c", `echo $$ > ${pidFile}; exec sleep 1000`];
  // Time for a busy machine to start the shell, which writes the file.
  const answer = linuxCameras(child, calls).resetControls("/dev/video0", 1000);
  await eventually(() => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "", "the child");
  expect(await answer).toBeUndefined();
  const pid = Number(readFileSync(pidFile, "utf8"));
  const isGone = () => !existsSync(`/proc/${pid}`);
  await eventually(isGone, "the end of the child");
  rmSync(directory, { recursive: true });
});
