import { contractSuite } from "../contract/driver-contract-suite.ts";
import { onlyInFullRun } from "../support/ci-size.ts";
import { compressedModulesSuite } from "./driver/compressed-modules-suite.ts";
import { scenarioSuite, tableOf, uncleanMemorySuite } from "./driver/scenario-suite.ts";
import { moduleSuite } from "./module-suite.ts";
import {
  MODULE_VERSIONS,
  type ModuleVersion,
  NEWER_KERNEL,
  OLDEST_AND_NEWEST,
  requestedVersions,
} from "./provision.ts";
import { readyToolsSuite } from "./ready-tools-suite.ts";
import { ResultsTable } from "./results-table.ts";
import { realDeviceStories, storiesOf } from "./stories/stories.ts";
import { storySuite } from "./stories/story-suite.ts";
import type { Suite } from "./suite.ts";
import { toolsSuite } from "./tools-suite.ts";
import { cameraDriverSuite } from "./usb-camera/camera-driver-suite.ts";
import { camerasSuite } from "./usb-camera/cameras-suite.ts";
import type { VmMachine } from "./vm.ts";

/** A machine that is booted once, and what is played on it. */
export interface Machine extends Pick<VmMachine, "moduleVersion" | "kernelArguments"> {
  readonly title: string;
  readonly suites: readonly Suite[];
  /** What only the full run plays. */
  readonly leftOut: readonly Suite[];
}

const versions = requestedVersions([...MODULE_VERSIONS, NEWER_KERNEL]);
const driverTable = tableOf("driver", versions);
const readyTable = tableOf("ready", versions);
const programsTable = tableOf("programs", versions);
const usingTable = tableOf("using", versions);
const storyTable = new ResultsTable([], versions);

/** How suites went with each version, once they have been played. */
export const tables = [driverTable, readyTable, storyTable, programsTable, usingTable];

/** All machines there are, those that take longest first. */
export function machines(): Machine[] {
  const known = versions.filter((version) => version !== NEWER_KERNEL);
  return [
    ...known.map(wholeMachine),
    ...versions.filter((version) => version === NEWER_KERNEL).map(newerKernel),
    ...known.map(uncleanMemory),
    machine("a node without v4l2loopback", { moduleVersion: "none" }, { gate: stories("none") }),
  ];
}

function wholeMachine(version: ModuleVersion): Machine {
  const gate = [
    moduleSuite(version),
    scenarioSuite("driver", version, driverTable),
    scenarioSuite("ready", version, readyTable),
    contractSuite(3),
    // More than 8 need the control device, which 0.12 hasn't got.
    ...(version === "0.12.7" ? [] : [contractSuite(11)]),
    ...stories(version),
    toolsSuite(version),
  ];
  const full = [
    ...stories(version, true),
    readyToolsSuite,
    scenarioSuite("programs", version, programsTable),
    ...(OLDEST_AND_NEWEST.includes(version) ? [scenarioSuite("using", version, usingTable)] : []),
    ...(version === "0.15.4" ? realDevices(version) : []),
  ];
  return machine(
    `v4l2loopback ${version}`,
    { moduleVersion: version },
    forGate(version, gate, full),
  );
}

function newerKernel(version: ModuleVersion): Machine {
  const suites = [
    scenarioSuite("driver", version, driverTable),
    compressedModulesSuite,
    ...realDevices(version),
  ];
  return machine(`v4l2loopback ${version}`, { moduleVersion: version }, forGate(version, suites));
}

function uncleanMemory(version: ModuleVersion): Machine {
  return machine(
    `v4l2loopback ${version} on a kernel that does not clear memory`,
    { moduleVersion: version, kernelArguments: "init_on_alloc=0" },
    forGate(version, [uncleanMemorySuite(version)]),
  );
}

/** Tools, driver and plugin with devices other than v4l2loopback's. */
function realDevices(version: ModuleVersion): Suite[] {
  const stories = realDeviceStories.map((story) => storySuite(story, version, storyTable));
  return [camerasSuite, cameraDriverSuite, ...stories];
}

/** The stories of the gate, or those that only the full run has. */
function stories(version: ModuleVersion | "none", ofFullRun = false): Suite[] {
  return storiesOf(version)
    .filter(({ fullRunOnly = false }) => fullRunOnly === ofFullRun)
    .map((story) => storySuite(story, version, storyTable));
}

/** What the gate plays of a machine, and what only the full run. */
interface Plan {
  readonly gate: readonly Suite[];
  readonly full?: readonly Suite[];
}

/** All is for the full run alone, unless the version is one of the gate's or was asked for by name. */
function forGate(
  version: ModuleVersion,
  gate: readonly Suite[],
  full: readonly Suite[] = [],
): Plan {
  const isNamed = process.env["VDP_MODULE_VERSIONS"] !== undefined;
  if (isNamed || OLDEST_AND_NEWEST.includes(version)) return { gate, full };
  return { gate: [], full: [...gate, ...full] };
}

/** With VDP_SUITES, only suites with one of its words in their name. */
function machine(
  title: string,
  vm: Pick<VmMachine, "moduleVersion" | "kernelArguments">,
  plan: Plan,
): Machine {
  const words = process.env["VDP_SUITES"]?.split(",") ?? [""];
  const isWanted = ({ name }: Suite) => words.some((word) => name.includes(word.trim()));
  const gate = plan.gate.filter(isWanted);
  const full = plan.full?.filter(isWanted) ?? [];
  const names = full.map(({ name }) => name).join(", ");
  return full.length > 0 && onlyInFullRun(`${title}: ${names}`)
    ? { title, ...vm, suites: gate, leftOut: full }
    : { title, ...vm, suites: [...gate, ...full], leftOut: [] };
}
