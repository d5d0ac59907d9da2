import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

interface Reply {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Evaluation {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: {
    readonly text: string;
    readonly exception?: { readonly description?: string; readonly value?: unknown };
  };
}

/**
 * A browser driven by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/) over
 * `--remote-debugging-pipe`: it reads messages from file descriptor 3 and writes them to 4, each JSON with a NUL at its
 * end.
 */
export class DevTools implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #received = "";
  #lastId = 0;

  /** `command` begins with the program. `log`: a file descriptor for its stderr. */
  constructor(command: readonly string[], env: Record<string, string>, log: number) {
    const [program = "", ...args] = command;
    const stdio = ["ignore", log, log, "pipe", "pipe"] as const;
    this.#process = spawn(program, args, { env, stdio: [...stdio] });
    const output = this.#process.stdio[4] as Readable;
    output.setEncoding("utf8");
    output.on("data", (text: string) => this.#receive(text));
    this.#process.once("exit", (code) => this.#end(`the browser ended with ${code}`));
    this.#process.once("error", (error) => this.#end(String(error)));
  }

  /** Sends a command of the protocol. @throws Error with the browser's message. */
  async send<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, resolve);
    const pipe = this.#process.stdio[3] as Writable;
    pipe.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await promise;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  /** Opens a page in a tab of its own. */
  async open(url: string): Promise<Page> {
    const { targetId } = await this.send<{ targetId: string }>("Target.createTarget", { url });
    const attach = { targetId, flatten: true };
    const { sessionId } = await this.send<{ sessionId: string }>("Target.attachToTarget", attach);
    return new Page(this, sessionId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  #receive(text: string): void {
    const messages = (this.#received + text).split("\0");
    this.#received = messages.pop() ?? "";
    for (const message of messages) {
      const reply: Reply = JSON.parse(message);
      if (reply.id === undefined) continue; // an event
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    }
  }

  #end(message: string): void {
    for (const resolve of this.#waiting.values()) resolve({ error: { message } });
    this.#waiting.clear();
  }
}

/** A tab. */
export class Page {
  readonly #browser: DevTools;
  readonly #sessionId: string;

  constructor(browser: DevTools, sessionId: string) {
    this.#browser = browser;
    this.#sessionId = sessionId;
  }

  /** What an expression has as its value, or its promise resolves to. @throws Error as the page does. */
  async evaluate<T>(expression: string): Promise<T> {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails: thrown } = await this.send<Evaluation>(
      "Runtime.evaluate",
      params,
    );
    if (thrown === undefined) return result.value as T;
    throw new Error(thrown.exception?.description ?? thrown.text);
  }

  /** A picture of the page, PNG in base64. */
  async screenshot(): Promise<string> {
    return (await this.send<{ data: string }>("Page.captureScreenshot")).data;
  }

  send<T>(method: string, params: object = {}): Promise<T> {
    return this.#browser.send<T>(method, params, this.#sessionId);
  }
}
