import type { Clock } from "../../common/clock.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { VideoDriver } from "../../drivers/driver.ts";
import { contestedDetail, contestedRemedy, keepAccess } from "./keep-access.ts";

/** What became of one device. */
export interface SetUpDevice {
  readonly id: string;
  /** Path of the node on the host. */
  readonly path: string;
  /** `ok`, or the reason why it is not. */
  readonly state: string;
  /** `created` by this run, `adopted` as it was, or `failed`. */
  readonly outcome: "created" | "adopted" | "failed";
  /** One sentence; empty if all is well. */
  readonly detail: string;
  /** What a person can do about it; empty if there is nothing to do or to say. */
  readonly remedy: string;
}

export interface SetUpReport {
  readonly devices: readonly SetUpDevice[];
  /** Whether so many devices are there as were asked for: all, or with `allowPartial` one. */
  readonly ok: boolean;
  /** Those whose mode or group somebody kept changing for as long as it was given back. */
  readonly contested: readonly string[];
}

/**
 * Makes the devices once and looks at what came of it; the look decides. What is new, or had lost its mode, is
 * watched over until udev is done with it ({@link keepAccess}); if all was right before, there is nothing to wait for.
 * @throws PluginError as the driver's `ensure`, if nothing could be done at all.
 */
export async function setUp(
  driver: Pick<VideoDriver, "devices" | "ensure" | "inspect">,
  { allowPartial, clock }: { readonly allowPartial: boolean; readonly clock: Clock },
): Promise<SetUpReport> {
  const before = await driver.inspect();
  const made = await driver.ensure();
  const { created } = made;
  const isSettled = created.length === 0 && !before.some(({ accessLost }) => accessLost);
  const { failed, contested } = isSettled
    ? { ...made, contested: [] }
    : await keepAccess(driver, made, clock);
  const seen = new Map((await driver.inspect()).map((sight) => [sight.id, sight]));
  const devices = driver.devices.map(({ id, nodes: [{ hostPath: path }] }): SetUpDevice => {
    const failure = failed.find((one) => one.id === id);
    const error = failure && PluginError.from(failure.error);
    const { reason: state, detail } = seen.get(id) ?? { reason: "missing", detail: "" };
    const isOk = state === "ok" && error === undefined;
    return {
      id,
      path,
      state,
      outcome: !isOk ? "failed" : created.includes(id) ? "created" : "adopted",
      detail: error?.message ?? detail,
      remedy: error?.remedy ?? "",
    };
  });
  const good = devices.filter(({ outcome }) => outcome !== "failed").length;
  return { devices, contested, ok: allowPartial ? good > 0 : good === devices.length };
}

/** A line a device, with what is wrong and what to do below it; ends with a line break. */
export function renderSetUp({ devices, contested }: SetUpReport): string {
  const lines = devices.flatMap(({ id, path, outcome, detail, remedy }) => [
    `${outcome === "failed" ? "✗" : "✓"} ${id.padEnd(8)}  ${outcome.padEnd(7)}  ${detail === "" ? path : detail}`,
    ...(remedy === "" ? [] : [`  → ${remedy}`]),
  ]);
  if (contested.length > 0) {
    lines.push(`! ${contested.join(", ")}: ${contestedDetail}`, `  → ${contestedRemedy}`);
  }
  const failed = devices.filter(({ outcome }) => outcome === "failed").length;
  const sum =
    failed === 0
      ? `${devices.length} devices are ready.`
      : `${devices.length - failed} of ${devices.length} devices are ready.`;
  return `${[...lines, sum].join("\n")}\n`;
}
