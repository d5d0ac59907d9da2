import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { askContainerRuntime } from "../../../src/cli/doctor/container-runtime.ts";
import { examineCdi } from "../../../src/cli/doctor/examine-cdi.ts";
import { options } from "../../../src/config/options.ts";
import { containerdSocket } from "../../kubelet/paths.ts";
import { waitUntil } from "../../kubelet/wait.ts";
import { onlyInFullRun } from "../../support/ci-size.ts";
import { resource, type Stage } from "../stage.ts";
import { podSpec } from "../workloads.ts";

/** The file of the pool below, where containerd reads it. */
const file = "/var/run/cdi/meeting-baas.io-video-devices_cameras.json";

/** The value `pools` with one pool, whose nodes only root and the group video may open. */
const pools = (cdi: "auto" | "off") =>
  `--set-json=pools=${JSON.stringify([
    { name: "cameras", resource, loopback: { count: 8, mode: "0660", group: "44" }, cdi },
  ])}`;

/** A pod of user 1000 that says whose its device is, opens it, and stays. */
function tenant(name: string): object {
  const script =
    'busybox stat -c "%u %a" "$VIDEO_DEVICE"; if busybox echo frame >"$VIDEO_DEVICE"; then busybox echo opened; else busybox echo refused; fi; exec busybox sleep 100000';
  const securityContext = { runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: podSpec(["sh", "-c", script], { securityContext }),
  };
}

/** The Container Device Interface of containerd 2; the stories leave a release without pools. */
export function cdiStories(stage: Stage): void {
  const { kubectl } = stage;
  const skip = onlyInFullRun("CDI devices in containerd 2");
  const none = () => "";

  const says = async (name: string): Promise<string[]> => {
    await kubectl.apply(tenant(name));
    let lines: string[] = [];
    await stage.until(`${name} has tried to open its device`, async () => {
      const log = await kubectl.run(["logs", name]).catch(() => "");
      // Without the shell's own complaint, which may come last.
      lines = log.split("\n").filter((line) => /^(\d+ \d+|opened|refused)$/.test(line));
      return lines.length === 2;
    });
    return lines;
  };
  const upgraded = async (...values: readonly string[]) => {
    await stage.release("upgrade", "--version=0.1.1", ...values);
    await stage.rolledOut();
    await stage.allAllocatable();
  };

  const opens = "with cdi: auto a pod of user 1000 opens a device of root:video, mode 0660";
  stage.story(
    opens,
    async () => {
      await upgraded(pools("auto"));
      expect(existsSync(file)).toBe(true);
      const said = await says("with-cdi");
      await stage.remove("app=with-cdi", "pod/with-cdi");
      expect(said).toEqual(["1000 666", "opened"]);
      const runtime = await askContainerRuntime([containerdSocket]);
      expect(
        examineCdi({ runtime, isWritable: true }, { cdiDir: options.cdiDir.default }),
      ).toMatchObject({
        ...{ state: "ok", detail: expect.stringMatching(/^containerd 2\./) },
      });
    },
    none,
    skip,
  );

  const refused = "with cdi: off it is refused, and the file goes as soon as no pod has a device";
  stage.story(
    refused,
    async () => {
      await upgraded(pools("off"));
      expect(await says("without-cdi")).toEqual(["0 660", "refused"]);
      // The pod may be one of before, whose container would need the file.
      expect(existsSync(file)).toBe(true);
      await stage.remove("app=without-cdi", "pod/without-cdi");
      // Two answers of the kubelet, a minute apart.
      await waitUntil("the file is gone", 240_000, async () => !existsSync(file));
      await upgraded("--set-json=pools=[]");
    },
    none,
    skip,
  );
}
