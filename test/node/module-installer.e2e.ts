import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkout } from "../image/paths.ts";
import { run } from "../image/run.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { onlyInFullRun } from "../support/ci-size.ts";

/**
 * The installer of v4l2loopback on a Debian that is a directory: debootstrap's, with Debian's kernel. apt downloads and installs the
 * real packages, and DKMS builds the module. Run `test/node/provision.sh` first, which installs debootstrap; needs root and the network.
 */
const isLeftOut = onlyInFullRun("v4l2loopback-dkms, installed by apt in a Debian");
const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
const missing = Bun.which("debootstrap", { PATH: path }) ? undefined : "no debootstrap";
const reason = process.getuid?.() === 0 ? missing : "needs root";
const skip = isLeftOut || skipLevel(reason, "no Debian can be made");

const script = join(checkout, "deploy/kubernetes/module-installer/install-module.sh");
/** Debian's packages, a compiler among them, are downloaded and unpacked twice. */
const testMs = 30 * 60_000;

describe.skipIf(skip)("the installer of the module on a Debian 12", () => {
  const host = mkdtempSync(join(tmpdir(), "debian-"));
  afterAll(() => rmSync(host, { recursive: true, force: true }));

  /** Runs the script as in its container: with the host's /proc and /dev below HOST_ROOT. */
  const install = (kernel: string) =>
    run([
      ...["unshare", "--mount", "sh", "-euc"],
      'mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; HOST_ROOT=$0 KERNEL=$1 exec sh "$2" 2>&1',
      ...[host, kernel, script],
    ]);

  test(
    "builds and installs the module for the host's kernel, and finds it there the next time",
    async () => {
      await run([
        "debootstrap",
        "--variant=minbase",
        "--include=kmod,ca-certificates",
        "bookworm",
        host,
      ]);
      const apt = ["chroot", host, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"];
      await run([...apt, "install", "--no-install-recommends", "linux-image-amd64"]);
      const [kernel = ""] = readdirSync(join(host, "lib/modules"));

      const first = await install(kernel);
      expect(first).toContain(
        `install-module: ${kernel} now has v4l2loopback: /lib/modules/${kernel}/`,
      );
      const query = ["chroot", host, "modinfo", "-k", kernel, "v4l2loopback"];
      const about = await run(query);
      expect(about).toContain(`/lib/modules/${kernel}/updates/dkms/v4l2loopback.ko`);
      expect(about).toMatch(new RegExp(`^vermagic: +${kernel.replaceAll(/[.+]/g, "\\$&")} `, "m"));

      expect(await install(kernel)).toBe(
        `install-module: ${kernel} has v4l2loopback already: nothing to install`,
      );
    },
    testMs,
  );
});
