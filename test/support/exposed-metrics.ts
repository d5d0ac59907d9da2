import type { MetricsSources, PoolSources } from "../../src/observe/metrics.ts";
import { makeMetrics } from "./make-metrics.ts";

/** A metric as Prometheus reads it. */
export interface ExposedMetric {
  readonly name: string;
  readonly type: string;
  /** In alphabetical order, without a histogram's `le`. */
  readonly labels: readonly string[];
  readonly help: string;
}

const sources: PoolSources & Pick<MetricsSources, "configFile"> = {
  configFile: () => ({ problems: 0, needsRestart: false }),
  registered: () => true,
  devices: () => [
    {
      ...{ id: "video10", number: 10, nodes: [{ hostPath: "/dev/video10" }] },
      ...{ cleaning: "reset", fix: "none" },
      ...{ health: "Healthy", reason: "ok", detail: "", since: 0, format: "", signal: "present" },
    },
  ],
  reasons: ["missing"],
  activity: () => [{ id: "video10", use: "in_use", cleanliness: "clean", resets: 0, repairs: 0 }],
  relay: () => ({
    ...{ isRunning: true, restarts: 0, cpuSeconds: 0 },
    cameras: new Map([
      [
        "video10",
        {
          picture: "application",
          ...{ applicationFrames: 0, placeholderFrames: 0, droppedFrames: 0 },
          ...{ relaySeconds: 0, maxRelaySeconds: 0, problem: "" },
        },
      ],
    ]),
  }),
  readyCameras: ["video10"],
  expected: () => 2,
  hasSignals: true,
  cordoned: () => false,
  retired: () => false,
  owners: () => new Map([["video10", { namespace: "default", pod: "recorder", container: "app" }]]),
};

/** All metrics of the program, each with a series, in the order of their output. */
export async function exposedMetrics(): Promise<ExposedMetric[]> {
  const metrics = makeMetrics(sources);
  metrics.actorStarted("monitor");
  const { body } = await metrics.render();
  return [...body.matchAll(/^# HELP (\w+) (.*)\n# TYPE \1 (\w+)$/gm)].map(
    ([, name = "", help = "", type = ""]) => ({ name, type, help, labels: labelsOf(name, body) }),
  );
}

function labelsOf(name: string, body: string): string[] {
  const labels = [...body.matchAll(new RegExp(`^${name}(?:_bucket)?\\{(.*)\\}`, "gm"))]
    .flatMap(([, set = ""]) => [...set.matchAll(/(\w+)="/g)].map(([, label = ""]) => label))
    .filter((label) => label !== "le");
  return [...new Set(labels)].sort();
}
