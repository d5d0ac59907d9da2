import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createConnectRouter } from "@connectrpc/connect";
import { createFetchHandler } from "@connectrpc/connect/protocol";
import type { Server } from "bun";
import {
  AdminService,
  type Device,
  DeviceSchema,
  ErrorInfoSchema,
  LogLevel,
  type Status,
  StatusSchema,
  Use,
} from "../../src/gen/videodevice/admin/v1/admin_pb.ts";

/** 2026-11-23T12:00:00Z */
export const NOON = Date.UTC(2026, 10, 23, 12);

const before = (seconds: number) => timestampFromMs(NOON - seconds * 1000);

/** Some fields of a message. */
type Init<S extends DescMessage> = Exclude<MessageInitShape<S>, { readonly $typeName: string }>;

/** A healthy, free, clean device, with `other` over its fields. */
export function device(number: number, other: Init<typeof DeviceSchema> = {}): Device {
  return create(DeviceSchema, {
    id: `video${number}`,
    number,
    path: `/dev/video${number}`,
    healthy: true,
    reason: "ok",
    since: before(7500),
    use: Use.FREE,
    clean: true,
    ...other,
  });
}

/** A registered node with these devices, at noon. */
export function statusOf(devices: Device[], other: Init<typeof StatusSchema> = {}): Status {
  return create(StatusSchema, {
    observedAt: before(0),
    startedAt: before(7504),
    version: "0.1.0",
    nodeName: "node-a",
    resourceName: "meeting-baas.io/video-devices",
    driver: "v4l2loopback",
    logLevel: LogLevel.INFO,
    kubelet: {
      registered: true,
      reason: "registered",
      since: before(7500),
      podResourcesAnswers: true,
    },
    devices,
    ...other,
  });
}

/**
 * An admin API on a unix socket, with the real protocol and fake devices. An ID that the status doesn't have is
 * not_found; a device in use is only reset if forced.
 */
export class FakeAdmin {
  readonly dir = mkdtempSync(join(tmpdir(), "vdp-admin-"));
  readonly socket = join(this.dir, "admin.sock");
  /** `reset video10 force` and the like, in order. */
  readonly calls: string[] = [];
  /** True if its devices have nothing to repair, and none is cordoned. */
  changesNothing = false;
  /** True if it resets and repairs devices, false if it only inspects them. */
  cares = true;
  /** The answer of /healthz and /readyz. */
  health = { status: 200, body: "ok\n" };
  #status: Status;
  #changed = Promise.withResolvers<void>();
  #server: Server<undefined> | undefined;

  constructor(status: Status = statusOf([device(10), device(11)])) {
    this.#status = status;
  }

  get status(): Status {
    return this.#status;
  }

  set status(status: Status) {
    this.#status = status;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  start(): void {
    // Otherwise Bun ends a quiet stream after 10 s, also on a unix socket, where its types lack this option.
    const patience: object = { idleTimeout: 0 };
    const handlers = new Map(
      this.#routes().handlers.map((handler) => [handler.requestPath, createFetchHandler(handler)]),
    );
    this.#server = Bun.serve({
      unix: this.socket,
      ...patience,
      development: false,
      fetch: (request) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/healthz" || pathname === "/readyz") {
          return new Response(this.health.body, { status: this.health.status });
        }
        return handlers.get(pathname)?.(request) ?? new Response(null, { status: 404 });
      },
    });
    chmodSync(this.socket, 0o600);
  }

  /** Breaks all connections, as a crash does. */
  async stop(): Promise<void> {
    await this.#server?.stop(true);
  }

  async clear(): Promise<void> {
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  #routes() {
    const find = (id: string) => {
      const found = this.#status.devices.find((candidate) => candidate.id === id);
      if (found !== undefined) return found;
      const remedy = "See which devices there are: video-device-plugin status";
      throw failure(
        Code.NotFound,
        "device_unknown",
        `${id} is none of this plugin's devices`,
        remedy,
      );
    };
    const idle = (id: string, force: boolean) => {
      const found = find(id);
      if (!this.cares) {
        throw failure(Code.Unimplemented, "not_supported", `${id} can't be reset or repaired`, "");
      }
      if (force || found.use !== Use.IN_USE) return found;
      throw failure(Code.FailedPrecondition, "device_busy", `${id} is in use`, "Use --force.");
    };
    return createConnectRouter().service(AdminService, {
      getStatus: () => ({ status: this.#status }),
      watchStatus: async function* (
        this: FakeAdmin,
        _: unknown,
        { signal }: { signal: AbortSignal },
      ) {
        while (!signal.aborted) {
          const changed = this.#changed.promise;
          yield { status: this.#status };
          await Promise.race([
            changed,
            new Promise((end) => signal.addEventListener("abort", end)),
          ]);
        }
      }.bind(this),
      resetDevice: ({ deviceId, force }) => {
        this.calls.push(`reset ${deviceId}${force ? " force" : ""}`);
        return { device: idle(deviceId, force) };
      },
      repairDevice: ({ deviceId, force }) => {
        this.calls.push(`repair ${deviceId}${force ? " force" : ""}`);
        return { device: idle(deviceId, force), unchanged: this.changesNothing };
      },
      cordonDevice: ({ deviceId, note }) => {
        this.calls.push(`cordon ${deviceId} ${JSON.stringify(note)}`);
        return { device: find(deviceId) };
      },
      uncordonDevice: ({ deviceId }) => {
        this.calls.push(`uncordon ${deviceId}`);
        return { device: find(deviceId), unchanged: this.changesNothing };
      },
      setLogLevel: ({ level }) => {
        this.calls.push(`log-level ${LogLevel[level]}`);
        return { previous: this.#status.logLevel };
      },
    });
  }
}

function failure(code: Code, name: string, message: string, remedy: string): ConnectError {
  const detail = { desc: ErrorInfoSchema, value: { code: name, remedy } };
  return new ConnectError(message, code, undefined, [detail]);
}
