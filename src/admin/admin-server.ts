import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { createConnectRouter } from "@connectrpc/connect";
import {
  type UniversalHandler,
  universalServerRequestFromFetch,
  universalServerResponseToFetch,
} from "@connectrpc/connect/protocol";
import { BoundSocket, bindingName } from "../common/bound-socket.ts";
import { messageOf, PluginError } from "../common/plugin-error.ts";
import { fileIdentity, isListening } from "../common/unix-socket.ts";
import { AdminService } from "../gen/videodevice/admin/v1/admin_pb.ts";
import { defectLog } from "../observe/internal-error-log.ts";
import { answerProbe, type ProbeSources } from "../observe/probes.ts";
import { statusJsonOptions } from "../observe/status-json.ts";
import { explained, unknownMethod } from "./admin-errors.ts";
import { type AdminServiceDeps, adminService } from "./admin-service.ts";

export interface AdminServerDeps extends AdminServiceDeps {
  readonly probes: ProbeSources;
}

export interface AdminServer {
  /** Whether the socket's path still leads here; it may have been removed or taken. */
  isReachable(): boolean;
  /** Ends all watches and removes the socket. */
  stop(): Promise<void>;
}

/** Largest request, bytes: the longest is a cordon's with its note. */
const maxRequestBytes = 64 * 1024;

/**
 * Serves the admin API (Connect, gRPC-Web, and JSON for curl) and the probes on a unix socket for root alone.
 * One that nobody answers on is replaced.
 *
 * @throws PluginError `admin_socket_in_use` if another instance serves there, `admin_socket_unusable`.
 */
export async function serveAdmin(path: string, deps: AdminServerDeps): Promise<AdminServer> {
  await makeWay(path);
  const stopping = new AbortController();
  const router = createConnectRouter({
    shutdownSignal: stopping.signal,
    readMaxBytes: maxRequestBytes,
    jsonOptions: statusJsonOptions,
  });
  router.service(AdminService, adminService(deps));
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const answer = (request: Request) => {
    // A Host that is none makes `request.url` a mere path, or nothing that parses.
    const url = URL.parse(request.url, "http://plugin");
    if (url === null) return new Response(notFound, { status: 404 });
    const handler = handlers.get(url.pathname);
    if (handler) return call(handler, request, url);
    if (url.pathname.startsWith(`/${AdminService.typeName}/`)) return unknownMethod(url.pathname);
    const isRead = request.method === "GET" || request.method === "HEAD";
    const probe = isRead ? answerProbe(url, deps.probes) : undefined;
    return probe ?? new Response(notFound, { status: 404 });
  };
  const onDefect = defectLog(deps.log);
  const { server, socket } = listen(path, answer, (reason) => onDefect("admin socket", reason));
  return {
    isReachable: () => socket.isReachable(),
    stop: async () => {
      stopping.abort();
      socket.remove();
      await server.stop(true);
    },
  };
}

const notFound = `not found; there are ${AdminService.typeName}, /healthz and /readyz\n`;

async function call(handler: UniversalHandler, request: Request, url: URL): Promise<Response> {
  const asked = { ...universalServerRequestFromFetch(request, {}), url: url.href };
  return explained(universalServerResponseToFetch(await handler(asked)));
}

/** Makes the directory, and refuses to take a path on which somebody answers. */
async function makeWay(path: string): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw unusable(path, cause);
  }
  if (fileIdentity(path) !== undefined && (await isListening(path))) {
    throw new PluginError("admin_socket_in_use", `Another process serves on ${path}.`, {
      remedy:
        "In a rolling restart it ends by itself. Run one instance a node, or name another ADMIN_SOCKET.",
    });
  }
}

/** Binds beside the path and then takes it, so that what a dead instance left is replaced without a gap. */
function listen(
  path: string,
  answer: (request: Request) => Response | Promise<Response>,
  onDefect: (reason: unknown) => void,
) {
  const name = bindingName(path);
  // A quiet watch is no idle connection (Bun cuts it after 10 s), and whoever goes away without a word is
  // known at once on a unix socket. Bun's types don't have it for one; a test holds that it works.
  const patience: object = { idleTimeout: 0 };
  // The mode has to be right from the socket's birth; nothing else runs until it is set back.
  const umask = process.umask(0o177);
  try {
    const server = Bun.serve({
      ...patience,
      unix: name,
      maxRequestBodySize: maxRequestBytes,
      development: false,
      fetch: answer,
      error: (reason) => {
        onDefect(reason);
        return new Response("internal error\n", { status: 500 });
      },
    });
    try {
      return { server, socket: new BoundSocket(name, path) };
    } catch (cause) {
      void server.stop(true);
      throw cause;
    }
  } catch (cause) {
    throw unusable(path, cause);
  } finally {
    process.umask(umask);
  }
}

function unusable(path: string, cause: unknown): PluginError {
  const reason = messageOf(cause);
  return new PluginError("admin_socket_unusable", `${path} can't be served on: ${reason}.`, {
    cause,
    remedy: "Run as root, or name an ADMIN_SOCKET in a directory that this process may write to.",
  });
}
