import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { options } from "../../src/config/options.ts";
import { type Ran, runScript } from "./run-script.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "vdp-uninstall-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const at = (path: string) => join(root, path);
const isThere = (path: string) => existsSync(at(path));
const program = "usr/local/bin/video-device-plugin";
const optionsFile = "etc/video-device-plugin/video-device-plugin.env";
const moduleFiles = ["etc/modules-load.d", "etc/modprobe.d"].map(
  (directory) => `${directory}/video-device-plugin.conf`,
);

function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text, { mode });
}

/**
 * Installs the service in a node's image. A stand-in for the executable changes every camera without a file in `held`,
 * and records its arguments. So does a stand-in for rmmod, which removes all cameras, as the kernel does with closed ones.
 */
function installed(...more: string[]): void {
  const stub = `#!/bin/sh
echo "$@" >>${at("asked")}
for last; do :; done
if [ -e "${at("held")}/$last" ]; then echo "$last is in use" >&2; exit 1; fi
if [ "$2" = remove ]; then rm -r "${at("sys/class/video4linux")}/$last"; fi
echo "$last is changed"
`;
  write("stub", stub, 0o755);
  const args = ["--binary", at("stub"), "--root", root, ...more];
  expect(runScript("install.sh", args)).toMatchObject({ code: 0 });
  const rmmod = `#!/bin/sh\necho rmmod "$@" >>${at("asked")}\nrm -rf ${at("sys")}/*/video4linux/*\n`;
  write("bin/rmmod", rmmod, 0o755);
}

/** The module, and its cameras; what is in `others` is of another driver. */
function loaded(version: "0.12.7" | "0.13.0", cameras: string[], others: string[] = []): void {
  mkdirSync(at("sys/module/v4l2loopback"), { recursive: true });
  if (version !== "0.12.7") mkdirSync(at("sys/class/misc/v4l2loopback"), { recursive: true });
  for (const name of cameras) write(`sys/class/video4linux/${name}/max_openers`, "10\n");
  for (const name of others) write(`sys/class/video4linux/${name}/name`, "a webcam\n");
}

const uninstall = (...args: string[]): Ran =>
  runScript("uninstall.sh", ["--root", root, ...args], at("bin"));
const asked = () => (isThere("asked") ? readFileSync(at("asked"), "utf8").trim().split("\n") : []);
const cameras = () => readdirSync(at("sys/class/video4linux")).sort();

describe("uninstall.sh", () => {
  test("removes service and executable, and keeps configuration, state and cameras", () => {
    installed();
    write("var/lib/video-device-plugin/cordoned.json", "{}");
    loaded("0.13.0", ["video10"]);
    expect(uninstall()).toEqual({
      code: 0,
      output: `removed /etc/systemd/system/video-device-plugin.service\nremoved /${program}\n`,
    });
    expect(readdirSync(at("etc/systemd/system/multi-user.target.wants"))).toEqual([]);
    expect(isThere(optionsFile)).toBe(true);
    expect(isThere("var/lib/video-device-plugin/cordoned.json")).toBe(true);
    expect(asked()).toEqual([]);
  });

  test("a second run changes nothing", () => {
    installed();
    uninstall();
    expect(uninstall("--remove-devices")).toEqual({ code: 0, output: "" });
  });

  test("removes both files of --load-at-boot", () => {
    installed("--load-at-boot");
    expect(uninstall().output).toContain("removed /etc/modprobe.d/video-device-plugin.conf\n");
    expect(moduleFiles.filter(isThere)).toEqual([]);
  });

  test.each(moduleFiles)("keeps %s if it was changed, and says so", (file) => {
    installed("--load-at-boot");
    write(file, "# mine\n");
    expect(uninstall().output).toContain(`kept /${file}: it was changed; --purge removes it\n`);
    expect(moduleFiles.filter(isThere)).toEqual([file]);
  });

  test("--purge removes everything", () => {
    installed("--load-at-boot");
    write("var/lib/video-device-plugin/cordoned.json", "{}");
    for (const file of moduleFiles) write(file, "# mine\n");
    expect(uninstall("--purge").output).toContain("removed configuration and state\n");
    const left = readdirSync(root, { recursive: true, withFileTypes: true });
    const files = left.filter((one) => one.isFile()).map(({ name }) => name);
    expect(files.sort()).toEqual(["rmmod", "stub"]);
    expect(isThere("etc/video-device-plugin")).toBe(false);
  });
});

describe("uninstall.sh --remove-devices", () => {
  test("removes the cameras, and unloads the module that has none left", () => {
    installed();
    loaded("0.13.0", ["video10", "video11"], ["video0"]);
    expect(uninstall("--remove-devices").output).toContain(
      "removed video10\nremoved video11\nunloaded v4l2loopback\n",
    );
    expect(asked()).toEqual([
      `devices remove --env-file=${at(optionsFile)} video10`,
      `devices remove --env-file=${at(optionsFile)} video11`,
      "rmmod v4l2loopback",
    ]);
  });

  test("leaves a camera that a pod has, and with it the module", () => {
    installed();
    loaded("0.13.0", ["video10", "video11"]);
    write("held/video11", "");
    const { code, output } = uninstall("--remove-devices");
    expect(code).toBe(0);
    expect(output).toContain("video11 is in use\n");
    expect(output).toContain("v4l2loopback stays, with video11\n");
    expect(cameras()).toEqual(["video11"]);
    expect(asked()).not.toContain("rmmod v4l2loopback");
  });

  test("asks for no camera that isn't the configuration's, and leaves the module to it", () => {
    installed();
    loaded("0.13.0", ["video2", "video9", "video10", "video17", "video18"]);
    expect(uninstall("--remove-devices").output).toContain(
      "v4l2loopback stays, with video18 video2 video9\n",
    );
    expect(cameras()).toEqual(["video18", "video2", "video9"]);
  });

  test("has the configuration's defaults where it says nothing", () => {
    const first = Number(options.firstDeviceNumber.default);
    const beyond = first + Number(options.maxDevices.default);
    installed();
    loaded(
      "0.13.0",
      [first - 1, first, beyond - 1, beyond].map((number) => `video${number}`),
    );
    uninstall("--remove-devices");
    expect(cameras()).toEqual([first - 1, beyond].map((number) => `video${number}`).sort());
  });

  test.each([
    "FIRST_DEVICE_NUMBER=20\nMAX_DEVICES=2\n",
    "export FIRST_DEVICE_NUMBER = '20' # twenty\n#MAX_DEVICES=9\n  MAX_DEVICES=\"2\"\n",
  ])("goes by the numbers of %j", (text) => {
    installed();
    write(optionsFile, text);
    loaded("0.13.0", ["video10", "video19", "video20", "video21", "video22"]);
    uninstall("--remove-devices");
    expect(cameras()).toEqual(["video10", "video19", "video22"]);
  });

  test("before 0.13 unloads the module if none of its cameras is in use", () => {
    installed();
    loaded("0.12.7", ["video10", "video11"], ["video0"]);
    expect(uninstall("--remove-devices").output).toContain("unloaded v4l2loopback\n");
    expect(asked().map((line) => line.replace(/ --env-file=\S+/, ""))).toEqual([
      "devices reset video10",
      "devices reset video11",
      "rmmod v4l2loopback",
    ]);
  });

  test.each([
    ["a pod has one", "video11"],
    ["one isn't the configuration's", "video9"],
  ])("before 0.13 leaves all if %s", (_, kept) => {
    installed();
    loaded("0.12.7", ["video10", kept]);
    write("held/video11", "");
    const { output } = uninstall("--remove-devices");
    expect(output).toContain(`v4l2loopback stays, with ${kept}\n`);
    expect(output).not.toContain("removed video");
    expect(asked()).not.toContain("rmmod v4l2loopback");
  });

  test("without an executable keeps all cameras, and says so", () => {
    installed();
    rmSync(at(program));
    loaded("0.12.7", ["video10"]);
    const { code, output } = uninstall("--remove-devices");
    expect([code, output]).toEqual([
      0,
      expect.stringContaining(`without /${program} the cameras in use are not known: all stay\n`),
    ]);
    expect(asked()).toEqual([]);
  });
});
