import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readModprobeConfig, refuseVetoed } from "./modprobe-config.ts";

let root: string;
let directories: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "modprobe-"));
  directories = ["etc", "run", "usr"].map((name) => join(root, name));
  for (const directory of directories) mkdirSync(directory);
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (path: string, text: string) => writeFileSync(join(root, path), text);
const texts = () => readModprobeConfig(directories).options.map(({ text }) => text);

test("options of all files count, in the files' order, and only this module's", () => {
  write(
    "usr/b.conf",
    "options v4l2loopback devices=2\noptions other x=1\n# options v4l2loopback a=1",
  );
  write("etc/a.conf", 'options v4l2loopback card_label="a b,c"  debug=1\n');
  write("etc/a.txt", "options v4l2loopback no=1");
  expect(texts()).toEqual(['card_label="a b,c"', "debug=1", "devices=2"]);
});

test("a file hides those of its name in later directories", () => {
  write("usr/a.conf", "options v4l2loopback devices=2");
  write("etc/a.conf", "");
  expect(texts()).toEqual([]);
});

test("a line may go on after a backslash, and is known by where it begins", () => {
  write("etc/a.conf", "\noptions v4l2loopback \\\n  devices=2");
  expect(readModprobeConfig(directories).options).toMatchObject([
    { name: "devices", where: `${join(root, "etc/a.conf")}:2` },
  ]);
});

test.each(["/bin/false", "/bin/true", "/usr/bin/false", "/bin/false # no"])(
  "install %s is a veto",
  (command) => {
    write("etc/a.conf", `install v4l2loopback ${command}`);
    expect(() => refuseVetoed(readModprobeConfig(directories))).toThrow(
      expect.objectContaining({ code: "module_vetoed" }),
    );
  },
);

test.each([
  "install v4l2loopback modprobe -i v4l2loopback",
  "install other /bin/false",
  "blacklist v4l2loopback",
  "",
])("%j is none", (line) => {
  write("etc/a.conf", line);
  refuseVetoed(readModprobeConfig(directories));
});

test("directories that aren't there and files that aren't files are passed over", () => {
  mkdirSync(join(root, "etc/dir.conf"));
  expect(readModprobeConfig([join(root, "none"), ...directories]).options).toEqual([]);
});
