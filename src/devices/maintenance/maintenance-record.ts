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

/** Nothing was done to the device yet. */
export function newRecord(): MaintenanceRecord {
  return { failures: 0, refusals: 0, resets: 0, repairs: 0, notBefore: 0, wasCreated: false };
}
