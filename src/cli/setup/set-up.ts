import type { Clock } from "../../common/clock.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { wrap } from "../../config/wrap.ts";
import type { VideoDriver } from "../../drivers/driver.ts";
import { contestedDetail, contestedRemedy, keepAccess } from "./keep-access.ts";

/** The outcome for one device. */
export interface SetUpDevice {
  readonly id: string;
  /** Path of the node on the host. */
  readonly path: string;
  /** `ok`, or the reason why it is not. */
  readonly state: string;
  /** `created` by this run, `adopted` as it was, or `failed`. */
  readonly outcome: "created" | "adopted" | "failed";
  /** One sentence; empty if the device is ready. */
  readonly detail: string;
  /** What to do; empty if there is nothing to do. */
  readonly remedy: string;
}

export interface SetUpReport {
  readonly devices: readonly SetUpDevice[];
  /** True if all devices are ready, or with `allowPartial` one. */
  readonly ok: boolean;
  /** Devices whose mode or group kept changing while it was restored. */
  readonly contested: readonly string[];
}

/**
 * Creates the devices once and inspects them; the inspection decides. If a device was created, or had lost its mode,
 * modes are kept until udev is done ({@link keepAccess}).
 *
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
  const seen = new Map((await driver.inspect()).map((one) => [one.id, one]));
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

/**
 * A line for each device, with its fault, its remedy below, and a summary; ends with a line break.
 *
 * @param columns Where texts are wrapped. Default Infinity, which keeps lines whole.
 */
export function renderSetUp(
  { devices, contested }: SetUpReport,
  columns = Number.POSITIVE_INFINITY,
): string {
  const hanging = (head: string, text: string) =>
    wrap(text, columns - head.length).map(
      (line, at) => (at === 0 ? head : " ".repeat(head.length)) + line,
    );
  const lines = devices.flatMap(({ id, path, outcome, detail, remedy }) => [
    ...hanging(
      `${outcome === "failed" ? "✗" : "✓"} ${id.padEnd(8)}  ${outcome.padEnd(7)}  `,
      detail === "" ? path : detail,
    ),
    ...(remedy === "" ? [] : hanging("  → ", remedy)),
  ]);
  if (contested.length > 0) {
    lines.push(
      ...hanging("! ", `${contested.join(", ")}: ${contestedDetail}`),
      ...hanging("  → ", contestedRemedy),
    );
  }
  const failed = devices.filter(({ outcome }) => outcome === "failed").length;
  const sum =
    failed === 0
      ? `${devices.length} devices are ready.`
      : `${devices.length - failed} of ${devices.length} devices are ready.`;
  return `${[...lines, sum].join("\n")}\n`;
}
