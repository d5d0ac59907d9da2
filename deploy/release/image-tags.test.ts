import { describe, expect, test } from "bun:test";
import { imageTags, parseVersion, type Version } from "./image-tags.ts";

function version(text: string): Version {
  const parsed = parseVersion(text);
  if (parsed === undefined) throw new Error(`no version: ${text}`);
  return parsed;
}

const tags = (text: string, ...released: string[]) =>
  imageTags(version(text), released.map(version));

describe("the tags of an image", () => {
  test("a first release is the latest of everything", () => {
    expect(tags("1.2.3")).toEqual(["1.2.3", "1.2", "1", "latest"]);
  });

  test("a version 0 has no tag of its major version, which promises nothing", () => {
    expect(tags("0.1.0")).toEqual(["0.1.0", "0.1", "latest"]);
  });

  test("a prerelease has only its own tag", () => {
    expect(tags("2.0.0-rc.1", "1.2.3")).toEqual(["2.0.0-rc.1"]);
  });

  test("a fix of an old major version doesn't move latest", () => {
    expect(tags("1.9.1", "1.9.0", "2.0.0")).toEqual(["1.9.1", "1.9", "1"]);
  });

  test("a fix of an old minor version doesn't move latest and the major tag", () => {
    expect(tags("1.9.1", "1.9.0", "1.10.0")).toEqual(["1.9.1", "1.9"]);
  });

  test("a release that is built a second time gets the same tags", () => {
    expect(tags("1.2.3", "1.2.3", "1.2.2")).toEqual(tags("1.2.3", "1.2.2"));
  });

  test("an old version that is built again moves no tag of a newer one", () => {
    expect(tags("1.2.2", "1.2.3")).toEqual(["1.2.2"]);
  });

  test("prereleases of later versions don't matter", () => {
    expect(tags("1.2.3", "2.0.0-rc.1")).toContain("latest");
  });
});

test.each(["v1.2.3", "1.2", "1.2.3.4", "01.2.3", "1.2.3+5", "next", ""])(
  "%p is no version",
  (text) => {
    expect(parseVersion(text)).toBeUndefined();
  },
);
