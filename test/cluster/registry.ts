import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon } from "../kubelet/daemon.ts";
import { dataDir, runDir } from "../kubelet/paths.ts";
import { binary, ports } from "./paths.ts";

/** Starts an empty OCI registry on loopback, without TLS (https://distribution.github.io/distribution/about/configuration/). */
export async function startRegistry(daemon: Daemon): Promise<void> {
  const address = `127.0.0.1:${ports.registry}`;
  const config = {
    version: 0.1,
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: join(dataDir, "registry") } },
    http: { addr: address },
  };
  const file = join(runDir, "registry.yaml");
  writeFileSync(file, JSON.stringify(config));
  await daemon.start([binary("registry"), "serve", file], async () => {
    const response = await fetch(`http://${address}/v2/`, { headers: { connection: "close" } });
    if (!response.ok) throw new Error(`${response.status}`);
  });
}
