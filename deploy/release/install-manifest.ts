import { readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { names } from "../names/names.ts";

/** The manifests of a whole installation, in the order of their creation. */
const parts = ["serviceaccount.yaml", "daemonset.yaml"];

/** True if the text is the digest of an image. */
export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/**
 * `install.yaml`: a whole installation for `kubectl apply -f`, with the profile `full` in `kube-system`. It is the
 * kustomizations' base, whose image is named by its digest.
 *
 * @throws Error if the base names another image.
 */
export function installManifest(root: string, digest: string): string {
  const tagged = `${names.image}:${manifest.version}`;
  const documents = parts.map((file) => {
    const text = readFileSync(join(root, "deploy/kubernetes/base", file), "utf8");
    // A comment for those who change the chart.
    return text.replace(/^# Rendered by .*\n/, "");
  });
  const text = documents.join("---\n");
  if (!text.includes(`"${tagged}"`)) {
    throw new Error(`deploy/kubernetes/base does not have the image ${tagged}: bun run manifests`);
  }
  const header = `# video-device-plugin ${manifest.version}, ${names.sources}
# kubectl apply -f install.yaml; other profiles and options: the Helm chart or deploy/kubernetes.
# The image is the one of the tag ${manifest.version}.
`;
  return header + text.replaceAll(`"${tagged}"`, `"${names.image}@${digest}"`);
}
