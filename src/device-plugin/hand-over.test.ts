import { describe, expect, test } from "bun:test";
import { behaviourOf, kubeletVersions } from "../simulator/behaviour.ts";
import { keepsNewerInstance } from "./hand-over.ts";

describe("a kubelet that keeps the newer of two instances", () => {
  for (const version of kubeletVersions) {
    const { clientTracking, grpcGo } = behaviourOf(version);
    test(`is known by its grpc-go: ${version} has ${grpcGo}`, () => {
      expect(keepsNewerInstance(`grpc-go/${grpcGo}`)).toBe(clientTracking === "per_socket");
    });
  }

  test.each([
    ["a later grpc-go", "grpc-go/1.100.0", true],
    ["a development version", "grpc-go/1.83.0-dev", true],
    ["the next major version", "grpc-go/2.0.0", true],
    ["another library", "grpc-node-js/1.14.7", false],
    ["a name that only ends so", "not-grpc-go/1.82.1", false],
    ["no version", "grpc-go/", false],
    ["no user agent", undefined, false],
  ])("%s", (_, userAgent, keeps) => {
    expect(keepsNewerInstance(userAgent)).toBe(keeps);
  });
});
