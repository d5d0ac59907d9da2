import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runDir } from "./paths.ts";

/** Where distributions and administrators have CNI plugins. */
const directories = ["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];

/** What containerd runs for the network below, the loopback device of every pod included. */
const needed = ["loopback", "ptp", "host-local"];

/** The directory with CNI plugins that give a pod a network of its own, if there is one. */
export function cniPlugins(): string | undefined {
  return directories.find((directory) => needed.every((name) => existsSync(join(directory, name))));
}

/** Name of the network, and what begins the names of libcni's notes of who is in it. */
const network = "vdp-e2e";

/** Where libcni keeps them (`CacheDir` in libcni/api.go); containerd has no setting for it. */
export const cniState = "/var/lib/cni";

/**
 * A pair of interfaces for each pod and a route to it from the host; no way out is needed, so no firewall
 * rules are. The addresses are those for benchmarks, which are not routed (RFC 2544).
 * https://www.cni.dev/plugins/current/main/ptp
 */
const configuration = {
  cniVersion: "0.4.0",
  name: network,
  plugins: [
    {
      type: "ptp",
      ipMasq: false,
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "198.18.77.0/24" }]],
        routes: [{ dst: "0.0.0.0/0" }],
        dataDir: join(runDir, "addresses"),
      },
    },
  ],
};

/** The host's address on each pair: the subnet's first. */
const gateway = "198.18.77.1";

/** The host's switch that ptp turns on for good. */
const forwarding = "/proc/sys/net/ipv4/ip_forward";
const forwardingBefore = join(runDir, "ip-forward");

/** Makes containerd's directory of networks, and notes what {@link removePodNetwork} puts back. */
export function makePodNetwork(directory: string): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "10-pods.conflist"), JSON.stringify(configuration));
  writeFileSync(forwardingBefore, readFileSync(forwarding));
}

/**
 * Undoes what pods' networks left outside of our directories. Interfaces go with the pods' last processes; one whose shim
 * was killed may live on, and would get the packets of the next pod with its address.
 */
export function removePodNetwork(): void {
  const ip = Bun.which("ip", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });
  if (ip !== null) {
    const { stdout } = Bun.spawnSync([ip, "-o", "-4", "address", "show", "to", gateway]);
    for (const [, name = ""] of stdout.toString().matchAll(/^\d+: (veth\w+)/gm)) {
      Bun.spawnSync([ip, "link", "delete", name], { stderr: "ignore" });
    }
  }
  if (existsSync(forwardingBefore)) writeFileSync(forwarding, readFileSync(forwardingBefore));
  const results = join(cniState, "results");
  if (!existsSync(results)) return;
  for (const file of readdirSync(results)) {
    if (file.startsWith(`${network}-`)) rmSync(join(results, file));
  }
}
