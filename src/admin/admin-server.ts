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
import { internalErrorLog } from "../observe/internal-error-log.ts";
import { answerProbe, type ProbeSources } from "../observe/probes.ts";
import { statusJsonOptions } from "../observe/status-json.ts";
import { unknownMethod, withErrorInfo } from "./admin-errors.ts";
import { type AdminServiceDeps, adminService } from "./admin-service.ts";

export interface AdminServerDeps extends AdminServiceDeps {
  readonly probes: ProbeSources;
}

export interface AdminServer {
  /** False if the socket's file was removed or replaced. */
  isReachable(): boolean;
  /** Ends all watches and removes the socket. */
  stop(): Promise<void>;
}

/** Largest request, bytes: the longest is a cordon's with its note. */
const maxRequestBytes = 64 * 1024;

/**
 * Serves the admin API (Connect, gRPC-Web, and JSON for curl) and the probes on a unix socket that only root can open.
 * Replaces a socket on which no process listens.
 *
 * @throws PluginError `admin_socket_in_use` if another instance serves there, `admin_socket_unusable`.
 */
export async function serveAdmin(path: string, deps: AdminServerDeps): Promise<AdminServer> {
  await preparePath(path);
  const stopping = new AbortController();
  const router = createConnectRouter({
    shutdownSignal: stopping.signal,
    readMaxBytes: maxRequestBytes,
    jsonOptions: statusJsonOptions,
  });
  router.service(AdminService, adminService(deps));
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const answer = (request: Request) => {
    // An invalid Host header makes `request.url` a path, or a text that does not parse.
    const url = URL.parse(request.url, "http://plugin");
    if (url === null) return new Response(notFound, { status: 404 });
    const handler = handlers.get(url.pathname);
    if (handler) return call(handler, request, url);
    if (url.pathname.startsWith(`/${AdminService.typeName}/`)) return unknownMethod(url.pathname);
    const isRead = request.method === "GET" || request.method === "HEAD";
    const probe = isRead ? answerProbe(url, deps.probes) : undefined;
    return probe ?? new Response(notFound, { status: 404 });
  };
  const logError = internalErrorLog(deps.log);
  const { server, socket } = listen(path, answer, (reason) => logError("admin socket", reason));
  return {
    isReachable: () => socket.isReachable(),
    stop: async () => {
      stopping.abort();
      socket.remove();
      await server.stop(true);
    },
  };
}

const notFound = `not found; available: ${AdminService.typeName}, /healthz and /readyz\n`;

async function call(handler: UniversalHandler, request: Request, url: URL): Promise<Response> {
  const input = { ...universalServerRequestFromFetch(request, {}), url: url.href };
  return withErrorInfo(universalServerResponseToFetch(await handler(input)));
}

/** Creates the directory. Throws if another process listens on the path. */
async function preparePath(path: string): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw unusable(path, cause);
  }
  if (fileIdentity(path) !== undefined && (await isListening(path))) {
    throw new PluginError(
      "admin_socket_in_use",
      `Another process serves the admin API on ${path}.`,
      {
        remedy:
          "During a rolling update the old instance ends by itself. Otherwise run one instance per node, or set another ADMIN_SOCKET.",
      },
    );
  }
}

/** Binds beside the path and renames, so that the socket of a dead instance is replaced without a gap. */
function listen(
  path: string,
  answer: (request: Request) => Response | Promise<Response>,
  onError: (reason: unknown) => void,
) {
  const name = bindingName(path);
  // By default Bun cuts a quiet watch after 10 s. On a unix socket a dead client is known at once, so no timeout is
  // needed. Bun's types don't allow the option here; a test shows that it works.
  const noTimeout: object = { idleTimeout: 0 };
  // The socket's mode has to be right from the start; nothing else runs until the umask is restored.
  const umask = process.umask(0o177);
  try {
    const server = Bun.serve({
      ...noTimeout,
      unix: name,
      maxRequestBodySize: maxRequestBytes,
      development: false,
      fetch: answer,
      error: (reason) => {
        onError(reason);
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
  return new PluginError(
    "admin_socket_unusable",
    `Serving the admin API on ${path} failed: ${reason}.`,
    {
      cause,
      remedy:
        "Run as root, or set ADMIN_SOCKET to a path in a directory that this process can write to.",
    },
  );
}
