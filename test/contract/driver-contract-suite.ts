import { expect, test } from "bun:test";
import { parseGuestResults } from "../kernel/guest-result.ts";
import type { Suite } from "../kernel/suite.ts";
import { failures } from "../kernel/vm.ts";
import { driverContract } from "./driver-contract.ts";

/** The loopback driver held to the drivers' contract on the real module: what holds on the fake kernel must hold here. */
export function contractSuite(devices: number): Suite {
  return {
    name: `contract for ${devices} devices`,
    timeoutSeconds: 180,
    script: `check "the contract" sh -c "guest contract ${devices} >/log/contract"`,
    tests(result) {
      test("the loopback driver keeps the drivers' contract", () => {
        const vm = result();
        const results = parseGuestResults(vm.files["contract"] ?? "");
        expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
        expect(results.map(({ name }) => name)).toEqual(driverContract.map(({ name }) => name));
        expect(failures(vm)).toBe("");
      });
    },
  };
}
