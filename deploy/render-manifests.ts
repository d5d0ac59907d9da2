/**
 * Renders the chart's options from the program's table of options, its alerts from deploy/monitoring, and the resources
 * of the kustomizations from the chart, and sets the version of the examples' images. Needs helm: test/manifests/provision.sh.
 */
import { relative } from "node:path";
import { type RenderedFile, renderChartFiles } from "./manifests/chart.ts";
import { renderExamples, renderKustomizeFiles } from "./manifests/kustomize-files.ts";

// The chart first: the kustomizations are rendered from it.
await write(await renderChartFiles());
await write(renderKustomizeFiles());
await write(renderExamples());

async function write(files: readonly RenderedFile[]): Promise<void> {
  for (const { path, text } of files) {
    await Bun.write(path, text);
    console.log(`Wrote ${relative(process.cwd(), path)}`);
  }
}
