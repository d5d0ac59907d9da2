import { describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  AllocatableResourcesResponseSchema,
  ListPodResourcesResponseSchema,
} from "../gen/kubelet/podresources/v1/api_pb.ts";
import { devicesReader, podDevicesReader } from "./read-answer.ts";

/** The bytes in pieces of these lengths, again and again. */
function pieces(bytes: Uint8Array, lengths: readonly number[]): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const end = at + (lengths[n % lengths.length] ?? 1);
    found.push(Buffer.from(bytes.slice(at, end)));
    at = end;
  }
  return found;
}

function readList(bytes: Uint8Array, lengths: readonly number[] = [bytes.length + 1]) {
  const reader = podDevicesReader(() => true);
  for (const piece of pieces(bytes, lengths)) reader.push(piece);
  return reader.finish();
}

const word = fc.string({ unit: "grapheme", maxLength: 200 });
const device = fc.record({
  resourceName: word,
  deviceIds: fc.array(word, { maxLength: 3 }),
  topology: fc.option(fc.record({ nodes: fc.array(fc.record({ ID: fc.constantFrom(-1n, 1n) })) }), {
    nil: undefined,
  }),
});
const container = fc.record({
  name: word,
  devices: fc.array(device, { maxLength: 3 }),
  cpuIds: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 3 }),
  memory: fc.array(fc.record({ memoryType: word, size: fc.constantFrom(0n, 2n ** 64n - 1n) })),
});
const list = fc.record({
  podResources: fc.array(
    fc.record({ name: word, namespace: word, containers: fc.array(container, { maxLength: 3 }) }),
    { maxLength: 3 },
  ),
});
const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

describe("an answer in pieces", () => {
  test("has the devices of the whole message, wherever it is cut", () => {
    fc.assert(
      fc.property(list, lengths, (answer, cuts) => {
        const bytes = toBinary(
          ListPodResourcesResponseSchema,
          create(ListPodResourcesResponseSchema, answer),
        );
        const expected = answer.podResources.flatMap(({ namespace, name: pod, containers }) =>
          containers.flatMap(({ name, devices }) =>
            devices.flatMap(({ resourceName, deviceIds }) =>
              deviceIds.map((deviceId) => ({
                ...{ namespace, pod, container: name, resourceName, deviceId },
              })),
            ),
          ),
        );
        // As text: the fields' order is that of the log and of the metrics' labels.
        expect(JSON.stringify(readList(bytes, cuts))).toBe(JSON.stringify(expected));
      }),
    );
  });

  test("that is cut off is no answer, and never one with fewer devices", () => {
    const bytes = toBinary(
      ListPodResourcesResponseSchema,
      create(ListPodResourcesResponseSchema, {
        podResources: [
          {
            name: "bot",
            namespace: "bots",
            containers: [{ name: "app", devices: [{ resourceName: "a/b", deviceIds: ["v"] }] }],
          },
        ],
      }),
    );
    for (let length = 1; length < bytes.length; length++) {
      expect(() => readList(bytes.slice(0, length))).toThrow(RangeError);
    }
  });

  test("that is no message throws, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), lengths, (bytes, cuts) => {
        try {
          readList(bytes, cuts);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
    expect(() => readList(new Uint8Array([0x0b]))).toThrow("wire type 3");
    expect(() => readList(new Uint8Array([0x0a, 0x03, 0x0a, 0x02, 0x61]))).toThrow("longer");
  });

  test("has only the devices that are wanted", () => {
    const bytes = toBinary(
      AllocatableResourcesResponseSchema,
      create(AllocatableResourcesResponseSchema, {
        devices: [
          { resourceName: "a/b", deviceIds: ["video10"] },
          { resourceName: "c/d", deviceIds: ["video11"] },
        ],
      }),
    );
    const reader = devicesReader(({ resourceName }) => resourceName === "a/b");
    reader.push(Buffer.from(bytes));
    expect(reader.finish()).toEqual([{ resourceName: "a/b", deviceId: "video10" }]);
  });
});
