import { imageName as busybox } from "../kubelet/image.ts";
import { resource } from "./stage.ts";

/** Busybox's arguments of a container that only owns its device. */
const sleep = (seconds: number) => ["sleep", String(seconds)];
const forever = sleep(100_000);

/** Keeps its device open, writes to it, and logs a line with the device's path for each write; ends if a write fails. */
export const streams = [
  ...["sh", "-ec"],
  'exec 3>"$VIDEO_DEVICE"; while busybox echo frame >&3; do busybox echo "$VIDEO_DEVICE"; busybox sleep 0.2; done',
];

/** The spec of a pod whose one container owns one device. */
export function podSpec(command: readonly string[] = forever, more: object = {}) {
  return {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: "app",
        image: busybox,
        imagePullPolicy: "Never",
        command: ["/bin/busybox", ...command],
        resources: { limits: { [resource]: 1 } },
      },
    ],
    ...more,
  };
}

/** A pod with the label `app` of its name. */
export function pod(name: string, more: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: podSpec(forever, more),
  };
}

/** Pods with the label `app` of the Deployment's name. */
export function deployment(name: string, replicas: number, command?: readonly string[]): object {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: podSpec(command) },
    },
  };
}

/** Owns its device for 0.5 to 1.5 s, a second on average: pods that begin together don't end together. */
export const aboutOneSecond = ["sh", "-c", "busybox usleep $((500000 + RANDOM * 31))"];

/** Pods that own their device for a second. */
export function job(
  name: string,
  counts: { completions: number; parallelism: number },
  command: readonly string[] = sleep(1),
): object {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: {
      ...counts,
      backoffLimit: 20,
      template: { spec: podSpec(command, { restartPolicy: "Never" }) },
    },
  };
}
