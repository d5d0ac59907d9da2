import type { DeviceStatus } from "./device-status.ts";

const ownSteps: Readonly<Record<string, string>> = {
  ok: "the kubelet may allocate it",
  unknown: "the plugin inspects it",
  unobservable: "no pod gets it until the driver can inspect it again",
  other_resource: "no other pod gets it until that pod has ended",
  minor_in_use: "no pod gets it until that pod has ended, or its device number is another one",
  held: "no pod gets it until the process has closed it",
  unclean: "no pod gets it until a reset succeeds; retrying with backoff",
  flapping: "no pod gets it until it has been healthy for a while",
  cordoned: "no other pod gets it until it is uncordoned",
  retired: "it stays listed, and no pod gets it any more",
};

const fixes: Readonly<Record<DeviceStatus["fix"], string>> = {
  repair: "the plugin repairs it once no pod owns it and no process holds it open",
  reset: "the plugin resets it once it is free",
  recreate: "no pod gets it until the plugin has recreated it",
  none: "no pod gets it until its reason is gone",
};

/** What the plugin does next about a device, for people who read the log. */
export function nextStep({ reason, fix }: Pick<DeviceStatus, "reason" | "fix">): string {
  return ownSteps[reason] ?? fixes[fix];
}
