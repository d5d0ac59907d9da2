import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitCode } from "../../src/cli/command.ts";
import { options } from "../../src/config/options.ts";
import { skipLevel } from "../../test/kubelet/require-level.ts";
import { run, runScript } from "./run-script.ts";

// Tests of the scripts and the unit without a host; test/node installs them on one.
const here = import.meta.dir;
const work = mkdtempSync(join(tmpdir(), "vdp-systemd-"));
afterAll(() => rmSync(work, { recursive: true }));

const program = join(work, "video-device-plugin");
writeFileSync(program, "#!/bin/sh\n");

const script = (name: string, ...args: string[]) => runScript(name, args);

/** Installs the service in a node's image; returns its directory. */
function installed(...options: string[]): string {
  const root = mkdtempSync(join(work, "root-"));
  const { code, output } = script("install.sh", "--binary", program, "--root", root, ...options);
  expect([code, output]).toEqual([0, expect.stringContaining("installed /usr/local/bin/")]);
  return root;
}

describe("install.sh --root", () => {
  test("installs an executable, a unit that is enabled, and options that only root reads", () => {
    const root = installed();
    const modeOf = (path: string) => statSync(join(root, path)).mode & 0o777;
    const unit = "etc/systemd/system/video-device-plugin.service";
    expect(modeOf("usr/local/bin/video-device-plugin")).toBe(0o755);
    expect(modeOf(unit)).toBe(0o644);
    expect(modeOf("etc/video-device-plugin/video-device-plugin.env")).toBe(0o600);
    const link = "etc/systemd/system/multi-user.target.wants/video-device-plugin.service";
    expect(readlinkSync(join(root, link))).toBe(`/${unit}`);
    expect(existsSync(join(root, "etc/modules-load.d"))).toBe(false);
  });

  test("a second run prints and changes nothing", () => {
    const root = installed();
    const unit = join(root, "etc/systemd/system/video-device-plugin.service");
    const before = statSync(unit).ino;
    expect(script("install.sh", "--binary", program, "--root", root)).toEqual({
      code: 0,
      output: "",
    });
    expect(statSync(unit).ino).toBe(before);
  });

  test("keeps changed options and module settings, and replaces the unit", () => {
    const root = installed("--load-at-boot");
    const ours = ["etc/video-device-plugin/video-device-plugin.env"];
    ours.push("etc/modprobe.d/video-device-plugin.conf");
    for (const file of ours) writeFileSync(join(root, file), "# mine\n");
    const unit = join(root, "etc/systemd/system/video-device-plugin.service");
    writeFileSync(unit, "# old\n");
    const { code } = script(
      ...["install.sh", "--binary", program, `--root=${root}/`, "--load-at-boot"],
    );
    expect(code).toBe(0);
    for (const file of ours) expect(readFileSync(join(root, file), "utf8")).toBe("# mine\n");
    expect(readFileSync(unit, "utf8")).toContain("ExecStart=");
  });

  test("--load-at-boot configures the host to load the module", () => {
    const root = installed("--load-at-boot");
    const load = readFileSync(join(root, "etc/modules-load.d/video-device-plugin.conf"), "utf8");
    expect(load).toMatch(/^v4l2loopback$/m);
    expect(statSync(join(root, "etc/modprobe.d/video-device-plugin.conf")).mode & 0o777).toBe(
      0o644,
    );
  });
});

describe("arguments", () => {
  test.each([
    ["install.sh", ["--binray", program]],
    ["install.sh", ["--root"]],
    ["install.sh", [program]],
    ["uninstall.sh", ["--all"]],
    ["uninstall.sh", ["--root"]],
  ])("%s %p is a wrong usage: exit code 64", (name, args) => {
    const { code, output } = script(name, ...args);
    expect([code, output]).toEqual([64, expect.stringContaining(`${name}: `)]);
  });

  test.each(["install.sh", "uninstall.sh"])("%s --help lists every option", (name) => {
    const { code, output } = script(name, "--help");
    expect(code).toBe(0);
    const accepted = readFileSync(join(here, name), "utf8").match(/--[a-z-]+(?= ?[|)])/g) ?? [];
    expect(accepted).not.toEqual([]);
    for (const option of accepted) expect(output).toContain(option);
  });

  test("an executable that isn't there is named", () => {
    const { code, output } = script("install.sh", "--binary", "/nonexistent", "--root", work);
    expect([code, output]).toEqual([1, "install.sh: there is no file /nonexistent\n"]);
  });
});

test("a CPU without SSE4.2 is named before anything is installed", () => {
  const path = mkdtempSync(join(work, "path-"));
  const stub = (name: string, text: string) => {
    writeFileSync(join(path, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(path, name), 0o755);
  };
  stub("uname", "echo x86_64");
  // It finds neither of the flags in /proc/cpuinfo.
  stub("grep", "exit 1");
  const { code, output } = runScript("install.sh", ["--binary", program], path);
  expect([code, output]).toEqual([
    1,
    expect.stringMatching(/^install\.sh: this CPU has no sse4_2: .*x86-64-v2 .*CPU model/),
  ]);
});

/** The values of a setting of the unit. */
function settings(name: string): string[] {
  const unit = readFileSync(join(here, "video-device-plugin.service"), "utf8");
  return unit
    .split("\n")
    .flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));
}

test("the unit has the directory of CDI devices at each start, and starts without it", () => {
  const directory = options.cdiDir.default.replace(/^\/var\/run\//, "/run/");
  expect(settings("ReadWritePaths")).toContain(`-${directory}`);
  expect(settings("ExecStartPre")).toContain(`-+/bin/mkdir -p -m 0755 ${directory}`);
});

/** docs/nodes.md, "Small and local clusters", has the distributions. */
test("the unit survives that the kubelet's directory is deleted: it has the directory at each start, and is restarted", () => {
  const directory = "/var/lib/kubelet/device-plugins";
  // ReadWritePaths of a directory that is missing fails the start.
  expect(settings("ReadWritePaths").join(" ").split(" ")).toContain(directory);
  expect(settings("ExecStartPre")).toContain(`+/bin/mkdir -p -m 0750 ${directory}`);
  expect(settings("Restart")).toEqual(["always"]);
  expect(settings("RestartPreventExitStatus").join(" ").split(" ")).not.toContain(
    String(exitCode.failure),
  );
  expect(settings("StartLimitIntervalSec")).toEqual(["0"]);
});

test("the unit is started before what runs the kubelet, in every distribution that is supported", () => {
  const text = readFileSync(join(here, "video-device-plugin.service"), "utf8");
  const before = [...text.matchAll(/^Before=(.*)$/gm)].flatMap(([, units = ""]) =>
    units.split(" "),
  );
  expect(before.sort()).toEqual([
    "k0scontroller.service",
    "k0sworker.service",
    "k3s-agent.service",
    "k3s.service",
    "kubelet.service",
    "rke2-agent.service",
    "rke2-server.service",
    "snap.microk8s.daemon-kubelite.service",
  ]);
});

const noSystemd = Bun.which("systemd-analyze") ? undefined : "no systemd-analyze: install systemd";
describe.skipIf(skipLevel(noSystemd))("the unit", () => {
  /** As it is, but for the executable, which is at its place on no machine that builds. */
  const unit = join(work, "video-device-plugin.service");
  const text = readFileSync(join(here, "video-device-plugin.service"), "utf8");
  chmodSync(program, 0o755);
  writeFileSync(unit, text.replace("/usr/local/bin/video-device-plugin", program));

  test("passes systemd-analyze verify", () => {
    expect(run(["systemd-analyze", "verify", unit])).toEqual({ code: 0, output: "" });
  });

  /** systemd-analyze's exposure, 0 to 10; below 5 it says OK. Loading modules and making nodes are 1 of it. */
  test("its exposure is at most 3.6", () => {
    const { code, output } = run([
      ...["systemd-analyze", "security", "--offline=yes", "--threshold=36", unit],
    ]);
    expect([code, output]).toEqual([0, expect.stringContaining("Overall exposure level")]);
  });
});

const noShellcheck = Bun.which("shellcheck") ? undefined : "no shellcheck: install shellcheck";
test.skipIf(skipLevel(noShellcheck))("the scripts pass shellcheck", () => {
  const scripts = ["install.sh", "uninstall.sh"].map((name) => join(here, name));
  expect(run(["shellcheck", ...scripts])).toEqual({ code: 0, output: "" });
});
