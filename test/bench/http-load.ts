/**
 * Load on the plugin's HTTP port from a process of its own, so that the bench's clock doesn't feel it:
 * `bun test/bench/http-load.ts KIND PORT`, until stdin ends. Then prints how many answers came, as JSON.
 */
import { connect, type Socket } from "node:net";

/** What the port is burdened with. */
export type LoadKind = "scrapes" | "slow-readers" | "slowloris";

/** What a load tells when it ends. */
export interface LoadReport {
  /** Answers with status 200. */
  readonly answers: number;
  /** Connections that the plugin closed. */
  readonly closed: number;
  readonly seconds: number;
}

const scrapesPerSecond = 1000;
const scrapers = 50;
const slowReaders = 100;
const slowHeads = 200;

let answers = 0;
let closed = 0;

/** A connection that is made again whenever it has been closed. */
function hold(port: number, use: (socket: Socket) => void): void {
  const socket = connect(port, "127.0.0.1", () => use(socket));
  socket.on("data", (data) => {
    answers += data.toString("latin1").split("HTTP/1.1 200 OK").length - 1;
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed++;
    setTimeout(() => hold(port, use), 10);
  });
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`;

const loads: Readonly<Record<LoadKind, (port: number) => void>> = {
  scrapes(port) {
    const sockets: Socket[] = [];
    for (let made = 0; made < scrapers; made++) {
      hold(port, (socket) => {
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
  "slow-readers"(port) {
    for (let made = 0; made < slowReaders; made++) {
      hold(port, (socket) => {
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
  slowloris(port) {
    for (let made = 0; made < slowHeads; made++) {
      hold(port, (socket) => {
        socket.write("GET / HTTP/1.1\r\nHost: bench\r\nX: ");
        const dripping = setInterval(() => socket.write("x"), 500);
        socket.on("close", () => clearInterval(dripping));
      });
    }
  },
};

if (import.meta.main) {
  const [, , kind, port] = process.argv;
  const started = performance.now();
  loads[kind as LoadKind](Number(port));
  for await (const _ of process.stdin);
  const report: LoadReport = { answers, closed, seconds: (performance.now() - started) / 1000 };
  console.log(JSON.stringify(report));
  process.exit(0);
}
