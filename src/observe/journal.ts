import type { LogFields, Logger, LogLevel } from "../common/logger.ts";

/** Something that happened, as it was logged; all of bounded size. */
export interface JournalEvent {
  /** ms since the epoch, by the wall clock, as in the log. */
  readonly at: number;
  readonly level: Exclude<LogLevel, "debug">;
  readonly msg: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Events kept: some hours of a node's life, or the whole of one bad minute. */
const keptEvents = 64;
/** Fields kept of one event; "Starting" has the most, one for each option. */
const keptFields = 48;
/** Characters kept of a message or a field's value. */
const keptCharacters = 300;

/** The last events, whatever level is logged, for people who ask what has happened. */
export class Journal {
  readonly #events: JournalEvent[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #kept: number;

  constructor(kept = keptEvents) {
    this.#kept = kept;
  }

  /** Newest first. */
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

  /** Calls `listener` after each event. Returns the way to unsubscribe. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** A logger whose events, those at info level and above, are kept in a journal as well. */
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
