import { expect } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "../../image/paths.ts";
import { runDir } from "../../kubelet/paths.ts";
import { registryHost } from "../cluster.ts";
import { namespace, resource, type Stage } from "../stage.ts";
import { deployment, streams } from "../workloads.ts";

/** The release's beginning; the stories of all other files need it. */
export function installStories(stage: Stage): void {
  const { cluster } = stage;

  stage.story("helm installs it from a registry, and the node offers 8 devices", async () => {
    await cluster.pushImage("0.1.0");
    await cluster.pushImage("0.1.1");
    const chart = join(checkout, "deploy/helm/video-device-plugin");
    for (const version of ["0.1.0", "0.1.1"]) {
      await cluster.helm(
        ...["package", chart, "--version", version, "--app-version", version],
        ...["--destination", runDir],
      );
      const archive = join(runDir, `video-device-plugin-${version}.tgz`);
      await cluster.helm("push", archive, `oci://${registryHost}/charts`, "--plain-http");
      rmSync(archive);
    }
    await stage.release("install", "--version=0.1.0");
    await stage.rolledOut();
    await stage.allAllocatable();
  });
}

/** `helm test`. Its ended pods stay; a story with a drain would delete them. */
export function helmTestStories(stage: Stage): void {
  const { cluster, kubectl } = stage;

  stage.story("helm test passes, and says what it checked", async () => {
    const args = ["--namespace", namespace, "--logs", "--timeout=120s"];
    const out = await cluster.helm("test", "cameras", ...args);
    expect(out).toMatch(/^Phase: +Succeeded$/m);
    expect(out).toMatch(/^\/dev\/video1\d is simulated: .* took a frame of 614400 bytes\./m);
  });

  stage.story(
    "a test pod whose image can't be pulled fails in time, and owns no device then",
    async () => {
      const hooks = await cluster.helm("get", "hooks", "cameras", "--namespace", namespace);
      const args = ["create", "--dry-run=client", "-o", "json", "-f", "-"];
      const testPod = JSON.parse(await kubectl.run(args, hooks));
      expect(testPod.spec.activeDeadlineSeconds).toBe(120);
      testPod.metadata.name += "-without-image";
      testPod.spec.activeDeadlineSeconds = 3;
      testPod.spec.containers[0].image = `${registryHost}/nothing:0.0.0`;
      await kubectl.apply(testPod);
      await stage.until("the test pod has failed", async () => {
        const args = ["get", "pod", testPod.metadata.name, "-n", namespace, "-o", "json"];
        const { status } = JSON.parse(await kubectl.run(args));
        return status.phase === "Failed" && status.reason === "DeadlineExceeded";
      });
      // It stays, as after a real test, and the next story has all eight devices.
    },
  );
}

/** The devices that a pod of {@link streams} has written to, one for each frame. */
async function framesOf({ kubectl }: Stage, name: string): Promise<string[]> {
  return (await kubectl.run(["logs", name])).trim().split("\n");
}

/** Resolves when the pod has written further frames, all to that device, in the container of its start. */
async function writesOn(stage: Stage, name: string, device: string): Promise<void> {
  const { phase, containerStatuses } = (await stage.kubectl.get("pod", name)).status;
  expect([name, phase, containerStatuses[0].restartCount]).toEqual([name, "Running", 0]);
  const written = await framesOf(stage, name);
  expect(new Set(written)).toEqual(new Set([device]));
  await stage.until(`${name} writes on`, async () => {
    return (await framesOf(stage, name)).length > written.length;
  });
}

/** Another version of the chart under running pods. */
export function upgradeStories(stage: Stage): void {
  const { cluster, kubectl } = stage;

  stage.story("pods that stream keep their devices through helm upgrade and rollback", async () => {
    await kubectl.apply(deployment("streams", 4, streams));
    const before = await Promise.all(
      (await stage.allRun("app=streams", 4)).map(async ({ metadata: { name } }) => ({
        name,
        device: (await framesOf(stage, name))[0] ?? "none",
      })),
    );
    expect(new Set(before.map(({ device }) => device)).size).toBe(4);
    await stage.release("upgrade", "--version=0.1.1");
    await stage.rolledOut();
    await stage.allAllocatable();
    await cluster.helm("rollback", "cameras", "1", "--namespace", namespace, "--wait");
    await stage.rolledOut();
    await stage.allAllocatable();
    for (const { name, device } of before) await writesOn(stage, name, device);
    await stage.remove("app=streams", "deployment/streams");
  });
}

/** The release's end. */
export function uninstallStories(stage: Stage): void {
  const { cluster, kubectl } = stage;

  stage.story(
    "helm uninstall leaves the state, the tests' pods, and running pods their devices",
    async () => {
      await kubectl.apply(deployment("last", 1, streams));
      const name = (await stage.allRun("app=last", 1))[0]?.metadata.name ?? "none";
      const device = (await framesOf(stage, name))[0] ?? "none";
      await cluster.helm("uninstall", "cameras", "--namespace", namespace, "--wait");
      const objects = async () => {
        const kinds = "daemonset,service,configmap,secret,serviceaccount,role,rolebinding,pod";
        const selector = "app.kubernetes.io/instance=cameras";
        return kubectl.run(["get", kinds, "-n", namespace, "-l", selector, "-o", "name"]);
      };
      const testPods = ["pod/video-device-plugin-test-device"];
      testPods.push(`${testPods[0]}-without-image`);
      // Helm does not wait for the pods' end.
      await stage.until("only the tests' pods are left", async () => {
        return (await objects()) === testPods.join("\n");
      });
      await stage.until(
        "no device is allocatable",
        async () => (await cluster.allocatable(resource)) === 0,
      );
      await writesOn(stage, name, device);
      await stage.remove("app=last", "deployment/last");
      // As the chart's README has it.
      const ended = "app.kubernetes.io/name=video-device-plugin-test";
      await kubectl.run(["delete", "pod", "-n", namespace, "--selector", ended]);
      expect(await objects()).toBe("");
      const sockets = readdirSync("/var/lib/kubelet/device-plugins").filter((file) => {
        return file.endsWith(".sock");
      });
      expect(sockets).toEqual(["kubelet.sock"]);
      const state = readdirSync("/var/lib/video-device-plugin").toSorted();
      expect(state).toEqual(["meeting-baas.io_video-devices.lock", "simulated"]);
    },
  );
}
