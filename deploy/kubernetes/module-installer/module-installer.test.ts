import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { skipLevel } from "../../../test/kubelet/require-level.ts";
import { parseDocuments, podSpecOf } from "../../../test/support/manifests.ts";

/**
 * The installer of v4l2loopback on hosts that are directories, with a chroot that runs stand-ins for the host's programs. A
 * real Debian is in test/node/module-installer.e2e.ts.
 */
const script = join(import.meta.dir, "install-module.sh");
const directory = mkdtempSync(join(tmpdir(), "installer-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs a program of the host with the variables before it, and notes package commands. */
const chroot = `#!/bin/sh
export HOST=$1
shift 2
while :; do case $1 in *=*) shift ;; *) break ;; esac; done
name=$1
shift
exec "$HOST/usr/bin/$name" "$@"
`;
const programs = {
  // modinfo -k KERNEL -F FIELD MODULE
  modinfo: 'cat "$HOST/modules/$5" 2>/dev/null',
  "apt-cache": 'grep -qx "$2" "$HOST/archive"',
  "apt-get": `
while :; do case $1 in -o) shift 2 ;; -*) shift ;; *) break ;; esac; done
echo "$*" >>"$HOST/calls"
case "$*" in update) exit 0 ;; esac
for package; do
  case $package in --* | install) continue ;; esac
  grep -qx "\${package%%=*}" "$HOST/archive" || exit 100
  case $package in
    *extra*) echo kernel/videodev.ko >"$HOST/modules/videodev" ;;
    *v4l2loopback-dkms*) echo /lib/modules/k/updates/dkms/v4l2loopback.ko >"$HOST/modules/v4l2loopback" ;;
    *v4l2loopback*) echo kernel/v4l2loopback.ko >"$HOST/modules/v4l2loopback" ;;
  esac
done`,
  mokutil: 'cat "$HOST/secure-boot"',
};

interface HostOptions {
  readonly release?: string;
  readonly kernel?: string;
  readonly modules?: readonly string[];
  readonly archive?: readonly string[];
  readonly secureBoot?: boolean;
  readonly version?: string;
}

let hosts = 0;
function install(options: HostOptions) {
  const root = join(directory, String(hosts++));
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  if (options.release !== undefined) put("etc/os-release", options.release);
  for (const [name, text] of Object.entries(programs)) {
    put(`usr/bin/${name}`, `#!/bin/sh\n${text}\n`);
    chmodSync(join(root, "usr/bin", name), 0o755);
  }
  put("tools/chroot", chroot);
  chmodSync(join(root, "tools/chroot"), 0o755);
  put("modules/.keep", "");
  for (const module of options.modules ?? []) put(`modules/${module}`, `kernel/${module}.ko\n`);
  put("archive", `${(options.archive ?? []).join("\n")}\n`);
  put("secure-boot", options.secureBoot ? "SecureBoot enabled\n" : "SecureBoot disabled\n");
  const run = () => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", script], {
      env: {
        PATH: `${join(root, "tools")}:${process.env["PATH"]}`,
        HOST_ROOT: root,
        KERNEL: options.kernel ?? "6.1.0-44-amd64",
        ...(options.version !== undefined && { V4L2LOOPBACK_VERSION: options.version }),
      },
    });
    const calls = join(root, "calls");
    return {
      code: exitCode,
      output: `${stdout}${stderr}`,
      calls: existsSync(calls) ? readFileSync(calls, "utf8").trimEnd().split("\n") : [],
      labelled: existsSync(
        join(root, "etc/kubernetes/node-feature-discovery/features.d/video-device-plugin"),
      ),
    };
  };
  return { ...run(), run };
}

const debian = 'ID=debian\nVERSION_ID="12"\n';
const ubuntu = 'ID=ubuntu\nVERSION_ID="24.04"\n';

describe("the installer of the module", () => {
  test("on Debian installs the DKMS package with the running kernel's headers, once", () => {
    const archive = ["v4l2loopback-dkms", "linux-headers-6.1.0-44-amd64"];
    const { run, ...first } = install({ release: debian, modules: ["videodev"], archive });
    expect(first).toMatchObject({ code: 0, labelled: true });
    expect(first.calls).toEqual([
      "update",
      "install --no-install-recommends v4l2loopback-dkms linux-headers-6.1.0-44-amd64",
    ]);
    const second = run();
    expect(second.output).toContain("has v4l2loopback already: nothing to install");
    expect(second).toMatchObject({ code: 0, calls: first.calls, labelled: true });
  });

  test("on Debian installs the version that it is asked for", () => {
    const archive = ["v4l2loopback-dkms", "linux-headers-6.1.0-44-amd64"];
    const options = { release: debian, modules: ["videodev"], archive, version: "0.12.7-2" };
    expect(install(options).calls[1]).toContain(" v4l2loopback-dkms=0.12.7-2 ");
  });

  test("on Ubuntu installs the kernel's own packages and no DKMS", () => {
    const kernel = "6.8.0-151-generic";
    const own = [`linux-modules-extra-${kernel}`, `linux-modules-v4l2loopback-${kernel}`];
    const archive = [...own, "v4l2loopback-dkms", `linux-headers-${kernel}`];
    const { calls, code } = install({ release: ubuntu, kernel, archive });
    expect(code).toBe(0);
    expect(calls.slice(1)).toEqual(own.map((name) => `install --no-install-recommends ${name}`));
  });

  test("on Ubuntu builds with DKMS where the kernel has no package, and mentions Secure Boot", () => {
    const kernel = "7.0.0-1004-aws";
    const archive = ["v4l2loopback-dkms", `linux-headers-${kernel}`];
    const options = { release: ubuntu, kernel, archive, modules: ["videodev"], secureBoot: true };
    const { calls, code, output } = install(options);
    expect({ code, last: calls.at(-1) }).toEqual({
      code: 0,
      last: `install --no-install-recommends v4l2loopback-dkms linux-headers-${kernel}`,
    });
    expect(output).toContain("Secure Boot is on and DKMS built the module");
  });

  test.each([
    ["another distribution", { release: "ID=fedora\nVERSION_ID=41\n" }, "this host runs fedora 41"],
    ["no host", {}, "mount the host's root directory at"],
    [
      "a cloud kernel of Debian",
      { release: debian, kernel: "6.1.0-44-cloud-amd64" },
      "was built without video support: install linux-image-amd64",
    ],
    [
      "an archive without the package",
      { release: debian, modules: ["videodev"] },
      "apt-get can't install v4l2loopback-dkms",
    ],
    [
      "a kernel that has no videodev even then",
      { release: debian, archive: ["v4l2loopback-dkms", "linux-headers-6.1.0-44-amd64"] },
      "the packages are installed, but 6.1.0-44-amd64 has no v4l2loopback",
    ],
  ] satisfies [string, HostOptions, string][])("refuses %s, and says so", (_what, options, why) => {
    const { code, output, labelled } = install(options);
    expect({ code, labelled }).toEqual({ code: 1, labelled: false });
    expect(output.trimEnd().split("\n").at(-1)).toContain(why);
  });

  const noShellcheck = Bun.which("shellcheck") ? undefined : "no shellcheck: install shellcheck";
  test.skipIf(skipLevel(noShellcheck))("passes shellcheck", () => {
    const { exitCode, stdout } = Bun.spawnSync(["shellcheck", script]);
    expect({ exitCode, stdout: stdout.toString() }).toEqual({ exitCode: 0, stdout: "" });
  });
});

describe("its DaemonSet", () => {
  const [daemonSet] = parseDocuments(readFileSync(join(import.meta.dir, "daemonset.yaml"), "utf8"));
  const spec = daemonSet && podSpecOf(daemonSet);

  test("runs only where a label asks for it", () => {
    expect(spec?.["nodeSelector"]).toMatchObject({
      "meeting-baas.io/install-v4l2loopback": "true",
    });
  });

  test("has privileges only while it installs", () => {
    const [install] = spec?.initContainers ?? [];
    expect(install?.securityContext).toMatchObject({ privileged: true });
    expect(spec?.containers.map(({ securityContext }) => securityContext)).toEqual([
      expect.objectContaining({ runAsNonRoot: true, capabilities: { drop: ["ALL"] } }),
    ]);
    expect(spec?.containers[0]?.volumeMounts).toBeUndefined();
  });
});
