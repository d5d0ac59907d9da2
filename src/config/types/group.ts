import { accept, type OptionType, reject } from "./option-type.ts";

/** The largest group ID: one below (gid_t)-1, with which chown(2) leaves the group as it is. */
const maxGid = 2 ** 32 - 2;

/** A group by number or name, or empty to leave the group as it is. */
export function group(): OptionType<number | undefined> {
  return {
    expected: `a group ID from 0 to ${maxGid}, the name of a group in /etc/group, or nothing`,
    placeholder: "GROUP",
    schema: { type: ["integer", "string"], minimum: 0, maximum: maxGid },
    parse: (text, { lookupGroup }) => {
      if (text === "") return accept(undefined);
      if (/^\d+$/.test(text)) return Number(text) <= maxGid ? accept(Number(text)) : reject();
      const gid = lookupGroup(text);
      return gid === undefined ? reject("there is no such group") : accept(gid);
    },
    show: (value) => value ?? null,
  };
}

/** The group ID of `name` in the text of an /etc/group file (group(5)); undefined if there is none. */
export function findGroup(etcGroup: string, name: string): number | undefined {
  for (const line of etcGroup.split("\n")) {
    const [groupName, , gid] = line.split(":");
    if (groupName === name && gid !== undefined && /^\d+$/.test(gid)) return Number(gid);
  }
  return undefined;
}
