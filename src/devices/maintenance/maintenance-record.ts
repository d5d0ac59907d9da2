/** What this process did to one device. */
export interface MaintenanceRecord {
  /** Failed resets and repairs in a row. */
  failures: number;
  /** Allocates in a row that were refused on account of it. */
  refusals: number;
  /** Successful ones. */
  resets: number;
  repairs: number;
  /** Not before this time may the next one be tried, ms since the epoch. */
  notBefore: number;
  /** This process created the device, so it may remove it at its end. */
  wasCreated: boolean;
}

export type MaintenanceRecords = ReadonlyMap<string, MaintenanceRecord>;

/** One record a device, for the life of the process. */
export function maintenanceRecords(
  devices: readonly { readonly id: string }[],
): MaintenanceRecords {
  return new Map(
    devices.map(({ id }) => [
      id,
      { failures: 0, refusals: 0, resets: 0, repairs: 0, notBefore: 0, wasCreated: false },
    ]),
  );
}
