import type { HealthReason } from "./device-status.ts";

const outlooks: Readonly<Record<HealthReason, string>> = {
  ok: "the kubelet is told, and pods may get it",
  unknown: "it is looked at",
  missing: "it is made anew; until then no pod gets it",
  module_gone: "the module is loaded again; until then no pod gets it",
  wrong_driver: "no pod gets it while its number is somebody else's",
  wrong_number: "it is moved to its own number once nobody has it",
  faulty: "no pod gets it; it is set up anew if that lasts for some seconds",
  unobservable: "no pod gets it until the driver can look again",
  dead_caps: "it is repaired once nobody holds it open",
  stuck_writer: "it is reset once nobody has it",
  unclean: "no pod gets it until a reset works, which is tried again",
  flapping: "no pod gets it until it has been well for a while",
  cordoned: "no other pod gets it until it is uncordoned",
  retired: "it stays listed, and no pod gets it any more",
};

/** What happens next to a device with such a health, for people who read the log. */
export function nextStep(reason: HealthReason): string {
  return outlooks[reason];
}
