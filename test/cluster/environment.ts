import { existsSync } from "node:fs";
import { unsupported as imageUnsupported } from "../image/environment.ts";
import { unsupported as kubeletUnsupported } from "../kubelet/environment.ts";
import { binary } from "./paths.ts";

/** The reason why no {@link Cluster} can run here; undefined if one can. */
export function unsupported(): string | undefined {
  const missing = existsSync(binary("kubectl"))
    ? undefined
    : "no kubectl; run test/cluster/provision.sh";
  return kubeletUnsupported() ?? imageUnsupported() ?? missing;
}
