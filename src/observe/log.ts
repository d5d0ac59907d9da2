import { styleText } from "node:util";
import { type ConsolaReporter, createConsola, type LogObject } from "consola/core";
import type { LogFields, Logger, LogLevel } from "../common/logger.ts";
import type { LogLevelControl } from "./log-level.ts";

/** consola's numbers for our levels (https://unjs.io/packages/consola#log-level). */
const consolaLevels: Record<LogLevel, number> = { error: 0, warn: 1, info: 3, debug: 4 };

export type LogFormat = "json" | "pretty";

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Writes a whole line. */
  readonly write: (text: string) => void;
  /** True if `pretty` uses colours; default false. */
  readonly colour?: boolean;
}

/** Creates a logger over consola; its level can change at any time. */
export function createLogger(options: LogOptions): Logger & LogLevelControl {
  let level = options.level;
  const reporter = options.format === "json" ? jsonReporter : prettyReporter;
  const consola = createConsola({
    level: consolaLevels[options.level],
    reporters: [reporter(options.write, options.colour ?? false)],
    // By default consola drops equal lines within a second.
    throttle: 0,
  });
  return {
    get level() {
      return level;
    },
    setLevel: (next) => {
      level = next;
      consola.level = consolaLevels[next];
    },
    debug: (msg, fields) => consola.debug(msg, fields ?? {}),
    info: (msg, fields) => consola.info(msg, fields ?? {}),
    warn: (msg, fields) => consola.warn(msg, fields ?? {}),
    error: (msg, fields) => consola.error(msg, fields ?? {}),
  };
}

type MakeReporter = (write: (text: string) => void, colour: boolean) => ConsolaReporter;

/** One JSON object a line: `time`, `level`, `msg`, then the fields. */
const jsonReporter: MakeReporter = (write) => ({
  log(entry) {
    const { time, level, msg, fields } = parts(entry);
    write(`${JSON.stringify({ time, level, msg, ...fields }, jsonValue)}\n`);
  },
});

const colours = { DEBUG: "gray", INFO: "cyan", WARN: "yellow", ERROR: "red" } as const;

/** `12:34:56.789 INFO  Device allocated  device_id=video10 …` */
const prettyReporter: MakeReporter = (write, colour) => ({
  log(entry) {
    const { time, level, msg, fields } = parts(entry);
    const paint = (name: (typeof colours)[keyof typeof colours], text: string) =>
      colour ? styleText(name, text, { validateStream: false }) : text;
    const details = Object.entries(fields)
      .filter(([, value]) => value !== undefined && value !== "")
      .map(([key, value]) => `${paint("gray", `${key}=`)}${plain(value)}`);
    const clock = paint("gray", time.slice(11, 23));
    write(`${[clock, paint(colours[level], level.padEnd(5)), msg, ...details].join(" ")}\n`);
  },
});

interface Line {
  readonly time: string;
  readonly level: keyof typeof colours;
  readonly msg: string;
  readonly fields: LogFields;
}

function parts(entry: LogObject): Line {
  const [msg, fields] = entry.args as [string, LogFields | undefined];
  return {
    time: entry.date.toISOString(),
    level: entry.type.toUpperCase() as Line["level"],
    msg,
    fields: fields ?? {},
  };
}

function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Error) return value.message;
  return value;
}

function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(",");
  if (typeof value !== "string") return JSON.stringify(value, jsonValue);
  return /[\s="\p{Cc}\p{Cf}]/u.test(value) ? quoted(value) : value;
}

/** Notes and names come from outside and must not control the terminal; JSON escapes only some control characters. */
function quoted(value: string): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(/[\p{Cc}\p{Cf}]/gu, (character) =>
    character.split("").map(escaped).join(""),
  );
}
