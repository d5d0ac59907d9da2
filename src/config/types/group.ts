import { accept, type OptionType, reject } from "./option-type.ts";

/** The largest group ID: one below (gid_t)-1, which chown(2) reads as "leave it as it is". */
const MAX_GID = 2 ** 32 - 2;

/** A group by number or by name; nothing stands for "leave it as it is". */
export function group(): OptionType<number | undefined> {
  return {
    expected: `a group ID from 0 to ${MAX_GID}, the name of a group in /etc/group, or nothing`,
    placeholder: "GROUP",
    isSwitch: false,
    schema: { type: ["integer", "string"], minimum: 0, maximum: MAX_GID },
    parse: (text, { lookupGroup }) => {
      if (text === "") return accept(undefined);
      if (/^\d+$/.test(text)) return Number(text) <= MAX_GID ? accept(Number(text)) : reject();
      const gid = lookupGroup(text);
      return gid === undefined ? reject("there is no such group") : accept(gid);
    },
    show: (value) => value ?? null,
  };
}

/** The group ID of `name` in the text of an /etc/group file (group(5)); undefined if not there. */
export function findGroup(etcGroup: string, name: string): number | undefined {
  for (const line of etcGroup.split("\n")) {
    const [groupName, , gid] = line.split(":");
    if (groupName === name && gid !== undefined && /^\d+$/.test(gid)) return Number(gid);
  }
  return undefined;
}
