/**
 * Load on the plugin's HTTP port and its admin socket from a process of its own, so that the bench's clock doesn't feel
 * it: `bun test/bench/http-load.ts KIND PORT SOCKET BINARY`, until stdin ends. Then prints how many answers came, as JSON.
 */
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { createAdminClient } from "../../src/cli/operate/admin-client.ts";

/** What the plugin is burdened with. */
export type LoadKind =
  | "scrapes"
  | "slow-readers"
  | "slowloris"
  | "garbage"
  | "watchers"
  | "cordons"
  | "commands";

/** Where the plugin is, and what it is. */
export interface LoadTarget {
  readonly port: number;
  readonly adminSocket: string;
  /** For commands that are processes of their own. */
  readonly binary: string;
}

/** The report of a load at its end. */
export interface LoadReport {
  /** Answers as the load wants them. */
  readonly answers: number;
  /** Connections that the plugin closed. */
  readonly closed: number;
  readonly seconds: number;
}

const scrapesPerSecond = 1000;
const scrapers = 50;
const slowReaders = 100;
const slowHeads = 200;
const garbageSenders = 20;
/** More than are served at a time. */
const watchers = 100;
const bodyBytes = 10_000_000;

let answers = 0;
let closed = 0;
/** What is waited for before a load is over. */
let end: () => Promise<unknown> = async () => undefined;

/** A connection that is made again whenever it has been closed. */
function hold(to: NetConnectOpts, use: (socket: Socket) => void, wanted = "HTTP/1.1 200 OK"): void {
  const socket = connect(to, () => use(socket));
  socket.on("data", (data) => {
    answers += data.toString("latin1").split(wanted).length - 1;
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed++;
    setTimeout(() => hold(to, use, wanted), 10);
  });
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`;

const post = (path: string, type: string, body: string | number) =>
  `POST ${path} HTTP/1.1\r\nHost: bench\r\nContent-Type: ${type}\r\nContent-Length: ${typeof body === "string" ? body.length : body}\r\n\r\n${typeof body === "string" ? body : ""}`;

const method = (name: string) => `/videodevice.admin.v1.AdminService/${name}`;

const loads: Readonly<Record<LoadKind, (target: LoadTarget) => void>> = {
  scrapes({ port }) {
    const sockets: Socket[] = [];
    for (let made = 0; made < scrapers; made++) {
      hold({ port, host: "127.0.0.1" }, (socket) => {
        sockets.push(socket);
        socket.on("close", () => sockets.splice(sockets.indexOf(socket), 1));
      });
    }
    const started = performance.now();
    let sent = 0;
    setInterval(() => {
      const due = ((performance.now() - started) / 1000) * scrapesPerSecond;
      for (; sent < due; sent++) sockets[sent % sockets.length]?.write(get("/metrics"));
    }, 5);
  },
  "slow-readers"({ port }) {
    for (let made = 0; made < slowReaders; made++) {
      hold({ port, host: "127.0.0.1" }, (socket) => {
        // One chunk a second, and another page asked for meanwhile, so that the plugin always has some to send.
        const reading = setInterval(() => {
          socket.write(get("/"));
          socket.resume();
          setTimeout(() => socket.pause(), 1);
        }, 1000);
        socket.pause();
        socket.write(get("/").repeat(20));
        socket.on("close", () => clearInterval(reading));
      });
    }
  },
  slowloris({ port }) {
    for (let made = 0; made < slowHeads; made++) {
      hold({ port, host: "127.0.0.1" }, (socket) => {
        socket.write("GET / HTTP/1.1\r\nHost: bench\r\nX: ");
        const dripping = setInterval(() => socket.write("x"), 500);
        socket.on("close", () => clearInterval(dripping));
      });
    }
  },
  garbage({ port, adminSocket }) {
    const body = Buffer.alloc(bodyBytes, "x");
    const sent: ((socket: Socket) => void)[] = [
      (socket) => socket.write("\0\x01\x02 hello\r\n\r\n"),
      (socket) => socket.write(post(method("GetStatus"), "application/json", "garbage")),
      (socket) => {
        socket.write(post(method("GetStatus"), "application/json", bodyBytes));
        socket.write(body);
      },
    ];
    for (let made = 0; made < garbageSenders; made++) {
      const to = made % 2 === 0 ? { path: adminSocket } : { port, host: "127.0.0.1" };
      let turn = made;
      const send = (socket: Socket) => {
        sent[turn++ % sent.length]?.(socket);
        // Ends a connection that the plugin did not close.
        setTimeout(() => socket.destroy(), 100);
      };
      hold(to, send, "HTTP/1.1 4");
    }
  },
  watchers({ adminSocket }) {
    for (let made = 0; made < watchers; made++) {
      hold({ path: adminSocket }, (socket) => {
        socket.pause();
        socket.write(post(method("WatchStatus"), "application/connect+json", "\0\0\0\0\x02{}"));
      });
    }
    // So that there is always a change to report.
    const client = createAdminClient(adminSocket);
    let changes = 0;
    const change = async () => {
      await client.cordonDevice({ deviceId: "video17", note: `${changes++ % 2}` });
      answers++;
      setTimeout(change, 100);
    };
    void change();
  },
  cordons({ adminSocket, binary }) {
    runTwo(binary, (device, turn) => {
      const command = turn % 2 === 0 ? "cordon" : "uncordon";
      return [command, device, "--admin-socket", adminSocket];
    });
  },
  // The same without a word to the plugin: what two processes at a time cost by themselves.
  commands({ binary }) {
    runTwo(binary, () => ["version"]);
  },
};

/** Two command lines at once, one after the other each. */
function runTwo(binary: string, argumentsOf: (device: string, turn: number) => string[]): void {
  let isOver = false;
  const run = async (device: string) => {
    for (let turn = 0; !isOver; turn++) {
      const cmd = [binary, ...argumentsOf(device, turn)];
      const { exited } = Bun.spawn({ cmd, env: {}, stdout: "ignore", stderr: "inherit" });
      if ((await exited) === 0) answers++;
    }
  };
  const both = Promise.all(["video16", "video17"].map(run));
  end = () => {
    isOver = true;
    return both;
  };
}

if (import.meta.main) {
  const [, , kind, port, adminSocket = "", binary = ""] = process.argv;
  const started = performance.now();
  loads[kind as LoadKind]({ port: Number(port), adminSocket, binary });
  for await (const _ of process.stdin);
  await end();
  const report: LoadReport = { answers, closed, seconds: (performance.now() - started) / 1000 };
  console.log(JSON.stringify(report));
  process.exit(0);
}
