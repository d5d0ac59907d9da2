import type { LogFields, Logger, LogLevel } from "../common/logger.ts";

/** An event as it was logged, bounded in size. */
export interface JournalEvent {
  /** ms since the epoch by the wall clock, as in the log. */
  readonly at: number;
  readonly level: Exclude<LogLevel, "debug">;
  readonly msg: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Events kept: some hours of a quiet node, or one bad minute. */
export const keptEvents = 64;
/** Fields kept per event; "Starting" has the most, one for each option. */
const keptFields = 48;
/** Characters kept of a message and of a field's value. */
const keptCharacters = 300;

/** Keeps the last events at info level and above, whatever level is logged. */
export class Journal {
  readonly #events: JournalEvent[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #kept: number;

  constructor(kept = keptEvents) {
    this.#kept = kept;
  }

  /** Returns the events, newest first. */
  events(): readonly JournalEvent[] {
    return this.#events.toReversed();
  }

  add(level: JournalEvent["level"], msg: string, fields: LogFields = {}): void {
    const kept = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .slice(0, keptFields)
      .map(([key, value]) => [key, shortened(text(value))] as const);
    this.#events.push({
      at: Date.now(),
      level,
      msg: shortened(msg),
      fields: Object.fromEntries(kept),
    });
    if (this.#events.length > this.#kept) this.#events.shift();
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls `listener` after each event. Returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** A logger that also adds its events at info level and above to a journal. */
export function withJournal(log: Logger, journal: Journal): Logger {
  const kept = (level: JournalEvent["level"]) => (msg: string, fields?: LogFields) => {
    log[level](msg, fields);
    journal.add(level, msg, fields);
  };
  return {
    debug: (msg, fields) => log.debug(msg, fields),
    info: kept("info"),
    warn: kept("warn"),
    error: kept("error"),
  };
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return value.message;
  if (Array.isArray(value)) return value.map(text).join(",");
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function shortened(value: string): string {
  return value.length <= keptCharacters ? value : `${value.slice(0, keptCharacters - 1)}…`;
}
