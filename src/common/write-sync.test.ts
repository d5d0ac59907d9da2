import { expect, test } from "bun:test";
import { join } from "node:path";

const module = join(import.meta.dir, "write-sync.ts");

/** Runs a script with a pipe as its output that is read only after `readAfterMs`. */
async function pipeOf(script: string, readAfterMs: number): Promise<string> {
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  await Bun.sleep(readAfterMs);
  return new Response(child.stdout).text();
}

test("everything is written before the process ends, even to a slow reader", async () => {
  const script = `
    const { writeAllSync } = await import(${JSON.stringify(module)});
    writeAllSync(1, "x".repeat(2_000_000));
    process.exit(0);`;
  expect(await pipeOf(script, 200)).toHaveLength(2_000_000);
});

test("a reader that is gone is no error", async () => {
  const script = `
    const { writeAllSync } = await import(${JSON.stringify(module)});
    process.exit(writeAllSync(1, "x".repeat(2_000_000)) ? 1 : 7);`;
  const child = Bun.spawn(
    ["sh", "-c", `"$0" -e "$1" | true; echo done`, process.execPath, script],
    {
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  expect(await new Response(child.stdout).text()).toBe("done\n");
  expect(await new Response(child.stderr).text()).toBe("");
});
