import { create, type DescMethodUnary, toBinary } from "@bufbuild/protobuf";
import {
  Server,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import {
  AllocatableResourcesResponseSchema,
  ListPodResourcesResponseSchema,
  PodResourcesLister,
} from "../../src/gen/kubelet/podresources/v1/api_pb.ts";
import { BytesClient } from "../../src/grpc/bytes-client.ts";
import { serviceDefinition } from "../../src/grpc/service-definition.ts";
import { SocketServer } from "../../src/simulator/socket-server.ts";

const { list, getAllocatableResources } = PodResourcesLister.method;

/** A thousand devices of another resource, each a message of its own as the kubelet lists them. */
const devices = Array.from({ length: 1000 }, (_, number) => ({
  resourceName: "volcano.sh/vgpu-memory",
  deviceIds: [`GPU-2e1bf4a0-9c7d-4d0f-8a51-${number.toString(16).padStart(12, "0")}`],
  topology: { nodes: [{ ID: 0n }] },
}));

/** A pod that owns them, as part of an answer of List. */
const foreignPod = toBinary(
  ListPodResourcesResponseSchema,
  create(ListPodResourcesResponseSchema, {
    podResources: [{ name: "job", namespace: "gpus", containers: [{ name: "main", devices }] }],
  }),
);

/** The same as part of an answer of GetAllocatableResources. */
const foreignDevices = toBinary(
  AllocatableResourcesResponseSchema,
  create(AllocatableResourcesResponseSchema, { devices }),
);

/**
 * A pod-resources socket in front of a kubelet's own: to each answer of the kubelet it adds devices of another
 * resource, as a node with shared GPUs has them. Two encoded messages in a row are one with the fields of both.
 */
export class PaddedPodResources {
  readonly socket: string;
  /** Bytes that are added to each answer, at least. */
  padding = 0;
  /** Number of List calls that were answered. */
  listed = 0;
  readonly #kubelet: BytesClient;
  #server: SocketServer | undefined;

  constructor(socket: string, kubeletSocket: string) {
    this.socket = socket;
    this.#kubelet = new BytesClient(kubeletSocket);
  }

  async start(): Promise<void> {
    const definition = serviceDefinition(PodResourcesLister);
    for (const method of Object.values(definition)) {
      Object.assign(method, { responseSerialize: (bytes: Buffer) => bytes });
    }
    const server = new Server();
    const service: UntypedServiceImplementation = {
      list: (_: unknown, answer: sendUnaryData<Buffer>) => {
        void this.#answer(list, foreignPod, answer).then(() => {
          this.listed += 1;
        });
      },
      getAllocatableResources: (_: unknown, answer: sendUnaryData<Buffer>) => {
        void this.#answer(getAllocatableResources, foreignDevices, answer);
      },
      get: (_: unknown, answer: sendUnaryData<Buffer>) => {
        answer({ code: status.UNIMPLEMENTED, details: "not padded" });
      },
    };
    server.addService(definition, service);
    this.#server = await SocketServer.listen(server, this.socket);
  }

  stop(): void {
    this.#server?.close(true);
    this.#kubelet.close();
  }

  async #answer(
    method: DescMethodUnary,
    foreign: Uint8Array,
    answer: sendUnaryData<Buffer>,
  ): Promise<void> {
    try {
      const pieces: Uint8Array[] = [];
      const onBytes = (bytes: Buffer) => pieces.push(Buffer.from(bytes));
      await this.#kubelet.call(method, onBytes, { timeoutMs: 5000, maxBytes: 4 * 1024 * 1024 });
      const copies = Math.ceil(this.padding / foreign.length);
      answer(null, Buffer.concat([...pieces, ...Array.from({ length: copies }, () => foreign)]));
    } catch (reason) {
      answer({ code: status.UNAVAILABLE, details: String(reason) });
    }
  }
}
