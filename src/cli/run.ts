import { isatty } from "node:tty";
import { systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import { writeAllSync } from "../common/write-sync.ts";
import type { Config } from "../config/config.ts";
import { describeConfig, describePool } from "../config/describe-config.ts";
import { type LoadResult, loadConfig } from "../config/load-config.ts";
import type { PoolConfig } from "../config/pool-config.ts";
import { formatProblems, type Problem, quote } from "../config/problem.ts";
import { renderHelp } from "../config/render-help.ts";
import { systemSources } from "../config/system-sources.ts";
import { onLibraryLog } from "../grpc/server.ts";
import { Journal, withJournal } from "../observe/journal.ts";
import { createLogger } from "../observe/log.ts";
import { changeLogLevel, type LogLevelControl, toggledLevel } from "../observe/log-level.ts";
import { applyLive } from "../plugin/apply-live.ts";
import { ConfigFileWatch } from "../plugin/config-file-watch.ts";
import { allocatedByPool, createDrivers, type DriversOptions } from "../plugin/create-drivers.ts";
import { Plugin } from "../plugin/plugin.ts";
import { type Command, exitCode, program } from "./command.ts";
import type { Terminal } from "./terminal.ts";
import { version } from "./version.ts";

/** Longest duration of a stop before the process ends anyway, ms. */
const stopLimitMs = 5000;

export const runCommand: Command = {
  syntax: { options: "all" },
  help: renderHelp,
  run: (argv, terminal) => runPlugin(argv, terminal),
};

/**
 * Runs the plugin until a signal stops it.
 *
 * @param machineOf What the drivers of real devices have of the machine. Default: this one.
 * @returns the exit code.
 */
export async function runPlugin(
  argv: readonly string[],
  terminal: Terminal,
  machineOf: (config: Config) => DriversOptions["machine"] = () => undefined,
): Promise<number> {
  const load = () => runnable(loadConfig(systemSources(argv)));
  const loaded = load();
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.problems, `${program} run --help`));
    return exitCode.config;
  }
  const { config, origins, pools } = loaded;
  const logLevel = logger(config);
  const journal = new Journal();
  const log = withJournal(logLevel, journal);
  onCrash(log);
  process.on("SIGUSR2", () => {
    const next = toggledLevel(logLevel.level, config.logLevel);
    changeLogLevel(logLevel, log, next, "SIGUSR2");
  });
  onLibraryLog((message) => log.debug("Message of the gRPC library", { detail: message }));
  // Sockets belong to root alone from the start, before the chmod that follows.
  process.umask(0o077);
  const described = describeConfig(config, origins);
  log.info("Starting", {
    version,
    bun: Bun.version,
    pid: process.pid,
    ...described.values,
  });
  log.debug("Where each option comes from", described.origins);
  if (config.configFile !== "") {
    for (const pool of pools) log.info("Pool configured", describePool(pool));
  }
  if (origins.nodeName.source === "hostname") {
    log.info("NODE_NAME is not set, the host's name is used", { node_name: config.nodeName });
  }
  let plugin: Plugin | undefined;
  // Before anything that waits. A SIGHUP before there is a plugin needs nothing: its start inspects everything.
  const stopping = stopSignal(log, () => plugin?.reinspect());
  const allocated = await allocatedByPool(config, pools, log, stopping);
  if (!stopping.aborted) {
    const drivers = createDrivers(config, pools, log, {
      allocated,
      machine: machineOf(config),
    });
    const apply = (next: readonly PoolConfig[]) => applyLive(drivers, next);
    const watching = { load, apply, log, clock: systemClock };
    const configFile = ConfigFileWatch.of(config.configFile, pools, watching);
    plugin = new Plugin(config, { pools: drivers, log, journal, logLevel, version, configFile });
    try {
      await plugin.run(stopping);
    } catch (reason) {
      log.error("Ended for a new process", {
        ...PluginError.from(reason).fields(),
        next: "the process ends with exit code 1, for its supervisor to start it again",
      });
      return exitCode.failure;
    }
  }
  log.info("Stopped", config.removeDevicesOnExit ? {} : { detail: "devices are left as they are" });
  return exitCode.ok;
}

/** The configuration, unless it has nothing for this node. */
function runnable(loaded: LoadResult): LoadResult {
  if (!loaded.ok || loaded.pools.length > 0) return loaded;
  return { ok: false, problems: [noPool(loaded.config)] };
}

function noPool({ configFile, nodeName }: Config): Problem {
  const text = `no pool is for the node ${quote(nodeName)}, expected one without onNodes or with a name that fits; or keep the plugin off this node`;
  return { subject: configFile, text };
}

function logger(config: Config): Logger & LogLevelControl {
  const terminal = isatty(1);
  const format = config.logFormat === "auto" ? (terminal ? "pretty" : "json") : config.logFormat;
  return createLogger({
    level: config.logLevel,
    format,
    colour: terminal,
    write: writeLine,
  });
}

/** A line that can't be written, for instance on a full disk, must not end the plugin. */
function writeLine(text: string): void {
  try {
    writeAllSync(1, text);
  } catch {
    // There is no other place to report it.
  }
}

/** Logs a crash and ends the process, whose state can't be trusted any more. */
export function onCrash(log: Logger): void {
  const crash = (reason: unknown) => {
    const error = PluginError.from(reason);
    log.error("Crashed", {
      ...error.fields(),
      stack: reason instanceof Error ? reason.stack : undefined,
    });
    process.exit(exitCode.failure);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}

/**
 * Aborts on the first SIGTERM or SIGINT; the second one ends the process at once. SIGHUP calls `onHangup`, unless the
 * terminal was closed in which the process ran: then it aborts, too. The kernel ignores signals without a handler for
 * process 1 of a container.
 */
function stopSignal(log: Logger, onHangup: () => void): AbortSignal {
  const stop = new AbortController();
  const onStop = (name: NodeJS.Signals, number: number) => {
    if (stop.signal.aborted) {
      log.warn("Second signal, stopping at once", { signal: name });
      process.exit(128 + number);
    }
    log.info("Stopping", { signal: name });
    stop.abort();
    setTimeout(() => {
      log.error("Stop took too long, giving up", { limit_ms: stopLimitMs });
      process.exit(exitCode.failure);
    }, stopLimitMs).unref();
  };
  process.on("SIGTERM", () => onStop("SIGTERM", 15));
  process.on("SIGINT", () => onStop("SIGINT", 2));
  const hadTerminal = isatty(1);
  process.on("SIGHUP", () => {
    if (!hadTerminal || isatty(1)) onHangup();
    // A shell sends it once more than the kernel.
    else if (!stop.signal.aborted) onStop("SIGHUP", 1);
  });
  return stop.signal;
}
