import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";

const executablePath = "/usr/bin/chromium";

/** The reason why no browser can run here; undefined if one can. */
export function noBrowser(): string | undefined {
  return existsSync(executablePath)
    ? undefined
    : `there is no ${executablePath}; test/browser/provision.sh installs it`;
}

/** A page in a browser with its own profile, and its errors. */
export class OpenPage implements AsyncDisposable {
  readonly page: Page;
  /** Errors and warnings of the console, uncaught exceptions, violations of the content security policy. */
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;
  readonly #profile: string;

  private constructor(context: BrowserContext, page: Page, profile: string) {
    this.page = page;
    this.#context = context;
    this.#profile = profile;
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  static async open(url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
    const profile = mkdtempSync(join(tmpdir(), "vdp-chromium-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath,
      headless: true,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
      viewport: { width: 1280, height: 900 },
      colorScheme: "light",
      ...options,
    });
    const page = context.pages()[0] ?? (await context.newPage());
    const opened = new OpenPage(context, page, profile);
    await page.goto(url);
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }
}
