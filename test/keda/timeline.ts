/** What a queue and its jobs looked like at a moment. */
export interface Sample {
  /** Since the entries were pushed. */
  readonly seconds: number;
  /** Entries of the list. */
  readonly waiting: number;
  /** Jobs that have not ended. */
  readonly jobs: number;
  /** Pods, by phase. */
  readonly running: number;
  readonly pending: number;
}

/** A row for each change, as Markdown. */
export function timeline(samples: readonly Sample[]): string {
  const counts = ({ waiting, jobs, running, pending }: Sample) => [waiting, jobs, running, pending];
  const changes = samples.filter((sample, index) => {
    const before = samples[index - 1];
    return !before || counts(sample).join() !== counts(before).join();
  });
  const rows = changes.map((sample) => [sample.seconds.toFixed(1), ...counts(sample)]);
  const head = ["s", "entries", "jobs", "pods Running", "pods Pending"];
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
