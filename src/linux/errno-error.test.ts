import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeDevice, encodeDevice, formatDevice, parseDevice } from "./device-number.ts";
import { ErrnoError, errnoName, errnoNameOf, errnoNumber } from "./errno-error.ts";
import { syscallNumbers } from "./linux-calls.ts";

describe("errno", () => {
  test("the errors of module loading have their names", () => {
    expect([1, 2, 8, 16, 17, 22, 95, 126, 129].map(errnoName)).toEqual([
      "EPERM",
      "ENOENT",
      "ENOEXEC",
      "EBUSY",
      "EEXIST",
      "EINVAL",
      "EOPNOTSUPP",
      "ENOKEY",
      "EKEYREJECTED",
    ]);
  });

  test("a number without a name is shown as a number", () => {
    expect(errnoName(4711)).toBe("errno 4711");
    expect(errnoNumber("ENOSUCHTHING")).toBeUndefined();
  });

  test("an error of node:fs becomes one with number and name", () => {
    const fromFs = Object.assign(new Error("ENOENT: no such file"), {
      code: "ENOENT",
      syscall: "open",
    });
    expect(ErrnoError.from(fromFs)).toMatchObject({ errno: 2, errnoName: "ENOENT" });
    expect(errnoNameOf(new Error("something else"))).toBeUndefined();
    expect(errnoNameOf("text")).toBeUndefined();
  });
});

describe("device numbers", () => {
  test("the number that mknod gets is the one that stat returns", () => {
    const device = fc.record({ major: fc.nat(0xfff), minor: fc.nat(0xfffff) });
    fc.assert(
      fc.property(device, (number) => {
        expect(decodeDevice(encodeDevice(number))).toEqual(number);
        expect(parseDevice(`${formatDevice(number)}\n`)).toEqual(number);
      }),
    );
  });

  test("text that is no device number is none", () => {
    expect(parseDevice("")).toBeUndefined();
    expect(parseDevice("81")).toBeUndefined();
    expect(parseDevice("81:3:1")).toBeUndefined();
  });
});

test("an architecture without known numbers is refused by name", () => {
  expect(syscallNumbers("x64").finitModule).toBe(313);
  expect(syscallNumbers("arm64").finitModule).toBe(273);
  expect(() => syscallNumbers("riscv64")).toThrow("riscv64");
});
