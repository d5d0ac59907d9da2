import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ErrorCode } from "../../../common/error-codes.ts";
import { ErrnoError, errnoNumber } from "../../../linux/errno-error.ts";
import { explainLoadError } from "./explain-load-error.ts";
import { type LoadProbes, readLoadProbes } from "./load-probes.ts";

const unknown: LoadProbes = {
  sysModule: undefined,
  initialUserNamespace: undefined,
  modulesDisabled: undefined,
  lockdown: undefined,
  signatureEnforced: undefined,
  blacklisted: undefined,
};
const free: LoadProbes = {
  sysModule: true,
  initialUserNamespace: true,
  modulesDisabled: false,
  lockdown: "none",
  signatureEnforced: false,
  blacklisted: false,
};

const RELEASE = "6.8.0-151-generic";

function explain(
  errno: string,
  probes: LoadProbes = free,
  { syscall = "finit_module", builtFor = RELEASE as string | undefined } = {},
) {
  const error = new ErrnoError(errnoNumber(errno) ?? 0, syscall);
  const path = `/lib/modules/${RELEASE}/v4l2loopback.ko`;
  return explainLoadError({ error, path, kernelRelease: RELEASE, builtFor }, probes);
}

function explainXz(errno: string, xzDefect?: string) {
  const error = new ErrnoError(errnoNumber(errno) ?? 0, "finit_module");
  const failure = { error, path: "/lib/v4l2loopback.ko.xz", kernelRelease: RELEASE };
  return explainLoadError({ ...failure, builtFor: undefined, xzDefect }, free);
}

describe("why a module was not loaded", () => {
  test.each([
    ["ENOENT", "module_dependency_missing", "apt-get install linux-modules-extra-$(uname -r)"],
    ["ENOEXEC", "module_wrong_kernel", "Rebuild or reinstall"],
    ["EKEYREJECTED", "module_signature_rejected", "mokutil --import"],
    ["ENOKEY", "module_signature_rejected", "mokutil --import"],
    ["EINVAL", "module_parameter_rejected", "dmesg"],
    ["EEXIST", "device_number_taken", "other device numbers"],
    ["EFAULT", "device_number_taken", "other device numbers"],
    ["EBUSY", "module_busy", "tries again"],
    ["EACCES", "module_access_denied", "spc_t"],
    ["ENOMEM", "out_of_resources", "Free memory"],
    ["ENOSYS", "modules_unsupported", "CONFIG_MODULES"],
    ["EPERM", "module_not_permitted", "seccomp"],
    ["EIO", "module_load_failed", "dmesg"],
  ] as const)("%s is %s", (errno, code, remedy) => {
    const error = explain(errno);
    expect(error.code).toBe(code);
    expect(error.remedy).toContain(remedy);
    expect(error.message).toStartWith("The kernel did not load /lib/modules/6.8.0-151-generic/");
    expect(error.message).toContain(errno);
    expect(error.message).toEndWith(".");
    expect(error.cause).toBeInstanceOf(ErrnoError);
  });

  test("a file that is missing differs from a symbol that is missing", () => {
    expect(explain("ENOENT", free, { syscall: "open" }).code).toBe("module_file_not_found");
  });

  test.each(["ENOEXEC", "EINVAL"])("%s of a file for another kernel names both", (errno) => {
    const error = explain(errno, free, { builtFor: "6.8.0-100-generic" });
    expect(error.code).toBe("module_wrong_kernel");
    expect(error.message).toContain(`it was built for 6.8.0-100-generic, and this is ${RELEASE}`);
  });

  test("of an xz file is said what can be seen of it, and what can't", () => {
    const cutShort = explainXz("EINVAL", "cut short");
    expect(cutShort.code).toBe("module_file_corrupt");
    expect(cutShort.message).toEndWith(": it is cut short.");
    const whole = explainXz("EINVAL");
    expect(whole.code).toBe("module_parameter_rejected");
    expect(whole.message).toContain("or the kernel can't decompress the file");
    const other = explainXz("ENOEXEC");
    expect(other.code).toBe("module_wrong_kernel");
    expect(other.message).toContain("xz files can't be examined here");
  });

  const refusals: [string, Partial<LoadProbes>, ErrorCode, string][] = [
    ["no capability", { sysModule: false }, "module_not_permitted", "SYS_MODULE"],
    ["a user namespace", { initialUserNamespace: false }, "module_not_permitted", "hostUsers"],
    ["modules turned off", { modulesDisabled: true }, "modules_disabled", "at boot"],
    ["lockdown", { lockdown: "integrity" }, "module_signature_rejected", "signed module"],
    ["sig_enforce", { signatureEnforced: true }, "module_signature_rejected", "signed module"],
    ["the command line", { blacklisted: true }, "module_blacklisted", "module_blacklist="],
  ];
  test.each(refusals)("EPERM because of %s", (_, probes, code, remedy) => {
    const error = explain("EPERM", { ...free, ...probes });
    expect(error.code).toBe(code);
    expect(error.remedy).toContain(remedy);
  });

  test("EPERM when nothing is known blames nothing that is not known", () => {
    expect(explain("EPERM", unknown).remedy).toContain("seccomp");
  });

  test("what holds until the next boot comes before a capability that would not help", () => {
    const both = { ...free, sysModule: false, modulesDisabled: true };
    expect(explain("EPERM", both).code).toBe("modules_disabled");
  });
});

describe("the probes", () => {
  test("are read from files", () => {
    const dir = mkdtempSync(join(tmpdir(), "probes-"));
    const file = (path: string, text: string) => {
      mkdirSync(join(dir, path, ".."), { recursive: true });
      writeFileSync(join(dir, path), text);
    };
    file("proc/self/status", "Name:\tx\nCapPrm:\t0\nCapEff:\t00000000a80425fb\nSeccomp:\t2\n");
    file("proc/self/uid_map", "         0     100000      65536\n");
    file("proc/sys/kernel/modules_disabled", "1\n");
    file("proc/cmdline", "quiet module_blacklist=nouveau,v4l2loopback ro\n");
    file("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    file("sys/module/module/parameters/sig_enforce", "Y\n");
    expect(readLoadProbes(join(dir, "proc"), join(dir, "sys"))).toEqual({
      sysModule: false,
      initialUserNamespace: false,
      modulesDisabled: true,
      lockdown: "integrity",
      signatureEnforced: true,
      blacklisted: true,
    });
    file("proc/self/status", "CapEff:\t000001ffffffffff\n");
    file("proc/self/uid_map", "         0          0 4294967295\n");
    file("proc/cmdline", "module_blacklist=v4l2loopback2\n");
    expect(readLoadProbes(join(dir, "proc"), join(dir, "absent"))).toMatchObject({
      sysModule: true,
      initialUserNamespace: true,
      lockdown: undefined,
      signatureEnforced: undefined,
      blacklisted: false,
    });
    rmSync(dir, { recursive: true });
  });

  test("are unknown where there are no files", () => {
    expect(readLoadProbes("/no/such/proc", "/no/such/sys")).toEqual(unknown);
  });
});

test.each(["ENOEXEC", "EINVAL"])(
  "%s of a file that says nothing of a kernel is a bad file",
  (errno) => {
    const error = new ErrnoError(errnoNumber(errno) ?? 0, "finit_module");
    const failure = { error, path: "/x.ko", kernelRelease: RELEASE, builtFor: undefined };
    expect(explainLoadError(failure, free)).toMatchObject({
      code: "module_file_corrupt",
      message: expect.stringContaining("not a kernel module, or is cut short"),
    });
  },
);
