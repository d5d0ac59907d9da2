/** Renders dashboard.json from dashboard.ts, and prometheusrule.yaml from alerts.yaml. */
import { join } from "node:path";
import { dashboard } from "./dashboard.ts";

/** The rendered files: text by name. */
export async function rendered(): Promise<Record<string, string>> {
  const alerts = await Bun.file(join(import.meta.dir, "alerts.yaml")).text();
  return {
    "dashboard.json": `${JSON.stringify(dashboard(), undefined, 2)}\n`,
    "prometheusrule.yaml": prometheusRule(alerts),
  };
}

/** A rule file as the custom resource of the Prometheus operator. */
function prometheusRule(alerts: string): string {
  const rules = alerts.slice(alerts.indexOf("groups:"));
  return `# Rendered from alerts.yaml by \`bun run docs\`; change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: video-device-plugin
  labels:
    app.kubernetes.io/name: video-device-plugin
spec:
${rules.replace(/^(?=.)/gm, "  ")}`;
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(await rendered())) {
    await Bun.write(join(import.meta.dir, name), text);
  }
  console.log("Wrote deploy/monitoring/dashboard.json and deploy/monitoring/prometheusrule.yaml");
}
