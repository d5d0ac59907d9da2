import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { eventually } from "../kernel/stories/eventually.ts";
import script from "./camera-page.client.js" with { type: "text" };
import { DEBIAN } from "./debian.ts";
import { DevTools, type Page } from "./devtools.ts";
import type { Camera, Look, Viewer } from "./viewer.ts";

/** Debian's Chromium on the disk of provision.sh, with a page that shows cameras. */
export class ChromiumViewer implements Viewer, AsyncDisposable {
  readonly name = "Chromium";
  readonly page: Page;
  readonly #browser: DevTools;

  private constructor(browser: DevTools, page: Page) {
    this.#browser = browser;
    this.page = page;
  }

  /** Starts it as a user of provision.sh, in this user's groups. */
  static async start(user: "app" | "member"): Promise<ChromiumViewer> {
    // A page of a file may use cameras, as one of localhost may: a secure context. It needs no server and no network.
    const path = "/tmp/cameras.html";
    await Bun.write(path, `<!doctype html><title>cameras</title><body><script>${script}</script>`);
    // Chromium ends at once where another user's browser has been.
    const home = `/tmp/home-${user}`;
    mkdirSync(home);
    chmodSync(home, 0o777);
    const log = openSync(`/log/chromium-${user}`, "a");
    const browser = new DevTools(command(user), { PATH: "/usr/bin:/bin", HOME: home }, log);
    closeSync(log);
    const viewer = new ChromiumViewer(browser, await browser.open(`file://${path}`));
    await viewer.#loaded();
    return viewer;
  }

  list(): Promise<readonly Camera[]> {
    return this.page.evaluate("cameras.list()");
  }

  async open(id: string) {
    const index = await this.page.evaluate<number>(`cameras.open(${JSON.stringify(id)})`);
    return {
      look: () => this.page.evaluate<Look>(`cameras.look(${index})`),
      stop: () => this.page.evaluate<void>(`cameras.stop(${index})`),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser[Symbol.asyncDispose]();
  }

  async #loaded(): Promise<void> {
    const isLoaded = () => this.page.evaluate<boolean>("window.cameras !== undefined");
    await eventually("the page", isLoaded);
  }
}

function command(user: string): string[] {
  return [
    // busybox has no chroot with a user, setpriv of util-linux is on the disk.
    ...["/bin/busybox", "chroot", DEBIAN],
    ...["/usr/bin/setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups"],
    ...["/usr/lib/chromium/chromium", "--headless=new", "--no-sandbox", "--disable-gpu"],
    ...["--use-fake-ui-for-media-stream", "--remote-debugging-pipe", "--no-first-run"],
    ...[`--user-data-dir=/tmp/home-${user}/profile`, "--disable-dev-shm-usage"],
    ...["--autoplay-policy=no-user-gesture-required", "--disable-background-networking"],
    ...["--disable-component-update", "--disable-sync", "--disable-extensions"],
    // On a busy machine the browser gives up a network service of its own, which takes too long to start.
    ...["--enable-features=NetworkServiceInProcess2", "about:blank"],
  ];
}
