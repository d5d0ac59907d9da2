import { PluginError } from "../../common/plugin-error.ts";
import type { VideoDriver } from "../../drivers/driver.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { InspectionLog } from "./inspection-log.ts";

/** Inspections in a row that may fail before the last observations no longer count. */
const toleratedFailures = 3;

export interface InspectorDeps {
  readonly inventory: Pick<Inventory, "observe" | "unobservable">;
  readonly events: InspectionLog;
  /** Called with the duration of each inspection, ms. */
  readonly onInspected?: ((ms: number) => void) | undefined;
}

/** Brings what a driver observes to the inventory. */
export class Inspector {
  readonly #deps: InspectorDeps;
  /** Failed inspections in a row. */
  #failures = 0;

  constructor(deps: InspectorDeps) {
    this.#deps = deps;
  }

  /** Never rejects: at first the last observations count on, then the devices are unobservable. */
  async inspect(driver: Pick<VideoDriver, "inspect">): Promise<void> {
    const { inventory, events, onInspected } = this.#deps;
    const started = performance.now();
    try {
      inventory.observe(await driver.inspect());
      this.#failures = 0;
    } catch (reason) {
      const error = PluginError.from(reason);
      this.#failures += 1;
      if (this.#failures === 1) events.inspectionFailed(error, toleratedFailures);
      if (this.#failures >= toleratedFailures) {
        const why = error.message.replace(/\.$/, "");
        inventory.unobservable(
          `It could not be inspected ${this.#failures} times in a row: ${why}.`,
        );
      }
    }
    onInspected?.(performance.now() - started);
  }
}
