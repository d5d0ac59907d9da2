import { Work } from "../gen/videodevice/admin/v1/admin_pb.ts";

const words: Readonly<Record<Work, string | undefined>> = {
  [Work.UNSPECIFIED]: undefined,
  [Work.RESET]: "resetting",
  [Work.REPAIR]: "repairing",
};

/** What is being done to a device, for people; undefined if nothing is. */
export function workWord(work: Work): string | undefined {
  return words[work];
}
