import { Code, ConnectError } from "@connectrpc/connect";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { RuntimeService } from "../../src/gen/runtime/v1/api_pb.ts";
import { addService } from "../../src/grpc/server.ts";

/**
 * What each runtime says, as far as CDI needs it. Those of containerd were recorded: Debian's 1.6.20 and 1.7.24, and 2.4.2 built
 * from its module.
 */
export const runtimeAnswers = {
  "containerd 1.6": { name: "containerd", version: "1.6.20~ds1", config: {} },
  "containerd 1.7": {
    ...{ name: "containerd", version: "1.7.24~ds1" },
    config: { enableCDI: false, cdiSpecDirs: ["/etc/cdi", "/var/run/cdi"] },
  },
  "containerd 1.7 with enable_cdi": {
    ...{ name: "containerd", version: "1.7.24~ds1" },
    config: { enableCDI: true, cdiSpecDirs: ["/etc/cdi", "/var/run/cdi"] },
  },
  "containerd 2.4": {
    ...{ name: "containerd", version: "2.4.2" },
    config: { cdiSpecDirs: ["/etc/cdi", "/var/run/cdi"] },
  },
} as const;

/**
 * Serves the Container Runtime Interface's `Version` and `Status` on a socket.
 *
 * @param config In the verbose status, as JSON; a text is sent as it is, and undefined refuses the status.
 * @returns what ends it.
 */
export async function serveContainerRuntime(
  socket: string,
  answer: { readonly name: string; readonly version: string; readonly config?: object | string },
): Promise<() => void> {
  const server = new Server();
  const { name: runtimeName, version: runtimeVersion, config } = answer;
  const service = {
    version: () => ({ runtimeName, runtimeVersion, runtimeApiVersion: "v1" }),
    status: ({ verbose }: { verbose: boolean }) => {
      if (config === undefined) throw new ConnectError("not here", Code.Unimplemented);
      const text = typeof config === "string" ? config : JSON.stringify(config);
      return { info: verbose ? { config: text, golang: '"go1.26"' } : {} };
    },
  };
  addService(server, RuntimeService, service, (method, error) => {
    throw new Error(`${method.name}: ${error}`);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
    error ? reject(error) : resolve(),
  );
  await promise;
  return () => server.forceShutdown();
}
