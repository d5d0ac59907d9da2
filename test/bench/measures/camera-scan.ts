import { cameraPool, FakeCameras } from "../../support/fake-cameras.ts";
import { type Measure, row } from "../measure.ts";

/** USB cameras of two nodes each: more than any node has. */
const cameras = 64;

/** How long the event loop waits for one scan of /sys, with the names and pools of all devices. */
export const cameraScan: Measure = {
  name: "scan",
  async run({ rounds }) {
    const node = new FakeCameras();
    try {
      for (let port = 1; port <= cameras; port++) node.plug(`${port}`, { serial: `S${port}` });
      const { catalog } = node.start({
        pools: [{ ...cameraPool, name: "others", select: [{ driver: "none" }] }, cameraPool],
      });
      catalog.scan();
      await catalog.ask();
      const took: number[] = [];
      for (let round = rounds(200, 20); round > 0; round--) {
        const started = performance.now();
        catalog.scan();
        took.push(performance.now() - started);
      }
      return [
        row(`scan of ${cameras} real devices`, "ms", took, [{ statistic: "median", limit: 10 }]),
      ];
    } finally {
      node.close();
    }
  },
};
