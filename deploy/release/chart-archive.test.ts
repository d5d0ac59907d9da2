import { expect, test } from "bun:test";
import { join } from "node:path";
import { chartArchive } from "./chart-archive.ts";

const root = join(import.meta.dir, "../..");
const chart = "deploy/helm/video-device-plugin";

test("the archive has the tracked files of the chart, and equal bytes each time", () => {
  const tracked = [`${chart}/Chart.yaml`, `${chart}/templates/NOTES.txt`, "README.md"];
  const archive = chartArchive(root, tracked, 1_700_000_000, "");
  const { stdout } = Bun.spawnSync(["tar", "--list", "--gzip", "--file=-"], { stdin: archive });
  expect(
    stdout
      .toString()
      .split("\n")
      .filter((path) => /[^/]$/.test(path)),
  ).toEqual(["video-device-plugin/Chart.yaml", "video-device-plugin/templates/NOTES.txt"]);
  expect(chartArchive(root, tracked, 1_700_000_000, "")).toEqual(archive);
});
