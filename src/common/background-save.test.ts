import { expect, test } from "bun:test";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { BackgroundSave } from "./background-save.ts";

/** A save that ends when the test says so. */
function setUp() {
  const log = recordingLogger();
  const running: PromiseWithResolvers<void>[] = [];
  const save = () => {
    const one = Promise.withResolvers<void>();
    running.push(one);
    return one.promise;
  };
  return { log, running, saving: new BackgroundSave({ save, failed: "Not saved", log }) };
}

test("changes during a save are saved together after it", async () => {
  const { running, saving } = setUp();
  for (let n = 0; n < 3; n++) saving.soon();
  expect(running).toHaveLength(1);
  saving.soon();
  running[0]?.resolve();
  await Bun.sleep(0);
  expect(running).toHaveLength(2);
  running[1]?.resolve();
  await saving.saved();
  expect(running).toHaveLength(2);
});

test("a failure is a warning once, until a save succeeds", async () => {
  const { log, running, saving } = setUp();
  for (const [n, isGood] of [false, false, true, false].entries()) {
    saving.soon();
    if (isGood) running[n]?.resolve();
    else running[n]?.reject(new Error("disk full"));
    await saving.saved();
  }
  expect(log.lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
    ...["warn Not saved", "debug Not saved", "warn Not saved"],
  ]);
});

test("once it is closed it saves no change, and closing waits for the last save", async () => {
  const { running, saving } = setUp();
  saving.soon();
  let isClosed = false;
  const closing = saving.close().then(() => {
    isClosed = true;
  });
  saving.soon();
  await Bun.sleep(0);
  expect(isClosed).toBe(false);
  running[0]?.resolve();
  await closing;
  expect(running).toHaveLength(1);
});
