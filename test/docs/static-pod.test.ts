import { expect, test } from "bun:test";
import { containersOf, type PodSpec, profiles, renderedPodTemplate } from "../support/manifests.ts";
import { staticPod } from "../support/static-pod.ts";

test.each([...profiles])(
  "a static pod of %s equals the DaemonSet's pod, and shares no more namespaces with the host",
  (profile) => {
    const options = {
      name: "plugin",
      image: "local:test",
      env: { MAX_DEVICES: "2", VIDEO_DRIVER: "simulated" },
    };
    const { spec } = staticPod(profile, options) as { spec: PodSpec };
    const deployed = renderedPodTemplate(profile).spec;
    const given = ({ image, imagePullPolicy, env, ...rest }: Record<string, unknown>) => rest;
    expect(containersOf(spec).map(given)).toEqual(containersOf(deployed).map(given));
    expect(spec.volumes).toEqual(deployed.volumes as never);
    const namespaces = ({ hostNetwork, hostPID, hostIPC }: PodSpec) => [
      hostNetwork,
      hostPID,
      hostIPC,
    ];
    expect(namespaces(spec)).toEqual(namespaces(deployed));
    for (const container of containersOf(spec)) {
      expect(container).toMatchObject({ image: "local:test", imagePullPolicy: "Never" });
      expect(container.env?.filter(({ name }) => name === "MAX_DEVICES")).toEqual([
        { name: "MAX_DEVICES", value: "2" },
      ]);
      expect(container.env).toContainEqual({ name: "DEVICE_DIR", value: "/host/dev" });
    }
  },
);
