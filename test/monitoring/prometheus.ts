import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { freePort } from "../support/free-port.ts";

/** A series of an answer; one sample for an instant query. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** The numeric samples in order of time. */
  readonly values: readonly number[];
}

export interface Rule {
  readonly name: string;
  /** `ok` if it could be evaluated, `unknown` before the first time. */
  readonly health: "ok" | "err" | "unknown";
  readonly lastError?: string;
  /** `inactive`, `pending` or `firing`. */
  readonly state: string;
}

/** A Prometheus that scrapes and evaluates every second, and deletes its data at its end. */
export class Prometheus {
  readonly #directory = mkdtempSync(join(tmpdir(), "prometheus-"));
  readonly #address: string;
  readonly #process: Subprocess;

  /**
   * @param program path of the executable
   * @param config its configuration, as JSON, which YAML includes
   */
  constructor(program: string, config: object) {
    const file = join(this.#directory, "prometheus.yaml");
    writeFileSync(file, JSON.stringify(config));
    this.#address = `127.0.0.1:${freePort()}`;
    this.#process = Bun.spawn(
      [
        program,
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(this.#directory, "data")}`,
        `--web.listen-address=${this.#address}`,
      ],
      { stdin: "ignore", stdout: "ignore", stderr: Bun.file(join(this.#directory, "log")) },
    );
  }

  /** Resolves when it is ready. */
  async ready(): Promise<void> {
    while (!(await this.#answers())) {
      if (this.#process.exitCode !== null) throw new Error(`it ended:\n${this.log()}`);
      await Bun.sleep(50);
    }
  }

  log(): string {
    return readFileSync(join(this.#directory, "log"), "utf8");
  }

  /** The current value. @throws Error with Prometheus' message if the expression is wrong. */
  async now(expr: string): Promise<Series[]> {
    const { result } = await this.#get("query", { query: expr });
    return result.map(({ metric, value }: RawSeries) => series(metric, value ? [value] : []));
  }

  /** The values of the last minute, one for each second. */
  async lastMinute(expr: string): Promise<Series[]> {
    const end = Date.now() / 1000;
    const range = { start: String(end - 60), end: String(end), step: "1" };
    const { result } = await this.#get("query_range", { query: expr, ...range });
    return result.map(({ metric, values }: RawSeries) => series(metric, values ?? []));
  }

  async rules(): Promise<Rule[]> {
    const { groups } = await this.#get("rules", {});
    return groups.flatMap((group: { rules: Rule[] }) => group.rules);
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`http://${this.#address}/-/ready`)).ok;
    } catch {
      return false;
    }
  }

  async #get(method: string, query: Record<string, string>) {
    const address = `http://${this.#address}/api/v1/${method}?${new URLSearchParams(query)}`;
    const { status, data, error } = (await (await fetch(address)).json()) as Answer;
    if (status !== "success") throw new Error(`${query["query"]}: ${error}`);
    return data;
  }
}

type Sample = readonly [time: number, value: string];

interface RawSeries {
  readonly metric: Record<string, string>;
  readonly value?: Sample;
  readonly values?: readonly Sample[];
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  // biome-ignore lint/suspicious/noExplicitAny: each method has its own
  readonly data: any;
}

function series(labels: Record<string, string>, samples: readonly Sample[]): Series {
  const values = samples.map(([, value]) => Number(value));
  return { labels, values: values.filter((value) => Number.isFinite(value)) };
}
