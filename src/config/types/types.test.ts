import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { boolean, choice } from "./choice.ts";
import { findGroup, group } from "./group.ts";
import { nodeName, resourceName } from "./kubernetes.ts";
import { fractionalSeconds, integer, octalPermission, seconds } from "./number.ts";
import type { OptionType } from "./option-type.ts";
import { devicePathTemplate, directory, feedPathTemplate, socketPath } from "./path.ts";
import { frameSize, placeholder } from "./picture.ts";
import { cardLabel, ipAddress, variableName } from "./text.ts";

const effects = { lookupGroup: (name: string) => (name === "video" ? 44 : undefined) };

/** The value of a text; the reason or "refused" if there is none. */
function parse<T>(type: OptionType<T>, text: string): T | string {
  const parsed = type.parse(text, effects);
  return parsed.ok ? parsed.value : (parsed.reason ?? "refused");
}

describe("integer", () => {
  const type = integer(1, 8);
  test("takes both ends of its range", () => {
    expect(parse(type, "1")).toBe(1);
    expect(parse(type, "8")).toBe(8);
  });
  test.each(["0", "9", "-1", "+1", "1.0", "1e0", "0x1", "01", " 1", "1\n", "", "one", "१"])(
    "refuses %j",
    (text) => expect(parse(type, text)).toBe("refused"),
  );
  test("names a Kubernetes service link for what it is", () => {
    expect(parse(integer(1, 65535), "tcp://10.0.0.1:9090")).toBe(
      "this is a Kubernetes service link: set enableServiceLinks: false on the pod",
    );
  });
  test("takes exactly the numbers in its range", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), (number) => {
        expect(parse(type, String(number))).toBe(number >= 1 && number <= 8 ? number : "refused");
      }),
    );
  });
});

test("seconds may carry their unit", () => {
  const type = seconds(1, 3600);
  expect(parse(type, "30")).toBe(30);
  expect(parse(type, "30s")).toBe(30);
  for (const text of ["0s", "3601", "30ss", "1m", "s", "30 s"]) {
    expect(parse(type, text)).toBe("refused");
  }
});

test("permissions are octal with and without a leading 0", () => {
  const type = octalPermission();
  expect(parse(type, "666")).toBe(0o666);
  expect(parse(type, "0666")).toBe(0o666);
  expect(type.show?.(0o666)).toBe("0666");
  expect(type.show?.(0o60)).toBe("0060");
  // 438 is what YAML makes of an unquoted 0666
  for (const text of ["438", "0o666", "66", "1666", "00666", "rw-rw-rw-", ""]) {
    expect(parse(type, text)).toBe("refused");
  }
});

test("a choice takes its words in any case", () => {
  const type = choice(["debug", "info"]);
  expect(parse(type, "INFO")).toBe("info");
  expect(parse(type, "loud")).toBe("refused");
  expect(parse(type, "info ")).toBe("refused");
});

test("a boolean takes true, 1, false and 0", () => {
  expect(["true", "1", "True"].map((text) => parse(boolean(), text))).toEqual([true, true, true]);
  expect(["false", "0", "FALSE"].map((text) => parse(boolean(), text))).toEqual([
    false,
    false,
    false,
  ]);
  for (const text of ["yes", "on", "2", "", "t"]) expect(parse(boolean(), text)).toBe("refused");
});

describe("card label", () => {
  test.each(["Kamera für Ümit 🎥", '{node}: {id}, "{n}"', "{", "x".repeat(255)])(
    "takes %j",
    (text) => expect(parse(cardLabel(), text)).toBe(text),
  );
  test("counts bytes, not characters", () => {
    expect(parse(cardLabel(), "🎥".repeat(64))).toBe("it is 256 bytes long");
  });
  test("refuses placeholders that stand for nothing", () => {
    expect(parse(cardLabel(), "{id} {index}")).toBe("{index} stands for nothing");
  });
  test.each(["", "a\nb", "a\u007fb", "a\u0085b", "\ud83c"])("refuses %j", (text) => {
    expect(parse(cardLabel(), text)).toBe("refused");
  });
  test("refuses what stands for broken UTF-8", () => {
    expect(parse(cardLabel(), "caf\uFFFD")).toBe("it is not valid UTF-8");
  });
  test("lets nothing through that a label can't carry", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        if (!cardLabel().parse(text, effects).ok) return;
        expect(Buffer.from(text).toString()).toBe(text);
        expect(text).not.toMatch(/[\0\n]/);
      }),
    );
  });
});

test("a variable's name is one that a shell can read, and that breaks no container", () => {
  for (const text of ["VIDEO_DEVICE", "_x", "camera2", "PATHFINDER"]) {
    expect(parse(variableName(), text)).toBe(text);
  }
  for (const text of ["", "2ND", "A-B", "A.B", "A B", "A=", "Ä", "x".repeat(256)]) {
    expect(parse(variableName(), text)).toBe("refused");
  }
  for (const text of ["PATH", "HOME", "HOSTNAME", "LD_PRELOAD", "KUBERNETES_SERVICE_HOST"]) {
    expect(parse(variableName(), text)).toBe(`containers depend on ${text}`);
  }
});

test("a variable's name is never the list of another instance", () => {
  expect(parse(variableName(), "VIDEO_DEVICES")).toBe("the list of all paths has an S at its end");
});

test("an IP address is no host name", () => {
  for (const text of ["0.0.0.0", "127.0.0.1", "::", "fd00::1"]) {
    expect(parse(ipAddress(), text)).toBe(text);
  }
  for (const text of ["localhost", "1.2.3", "1.2.3.4:80", "[::1]", ""]) {
    expect(parse(ipAddress(), text)).toBe("refused");
  }
});

test("a node name is a DNS subdomain", () => {
  for (const text of ["node-1", "ip-10-0-0-1.eu.internal", "1"]) {
    expect(parse(nodeName(), text)).toBe(text);
  }
  for (const text of ["Node", "my_node", "-a", "a-", "a..b", "", "a".repeat(254)]) {
    expect(parse(nodeName(), text)).toBe("refused");
  }
});

describe("resource name", () => {
  test.each([
    "meeting-baas.io/video-devices",
    "example.com/a",
    "x/Y_z.1",
    `${"a".repeat(244)}/b`,
    `a/${"b".repeat(63)}`,
  ])("takes %s, as the kubelet does", (text) => {
    expect(parse(resourceName(), text)).toBe(text);
  });
  test.each([
    ["cameras", 'it needs a domain and a name with one "/" between them'],
    ["a/b/c", 'it needs a domain and a name with one "/" between them'],
    ["kubernetes.io/cameras", "kubernetes.io is reserved for Kubernetes itself"],
    ["node.kubernetes.io/cameras", "kubernetes.io is reserved for Kubernetes itself"],
    ["requests.example.com/cameras", '"requests." is reserved for resource quotas'],
    ["Example.com/cameras", "the part before the slash is not a DNS domain"],
    ["/cameras", "the part before the slash is not a DNS domain"],
    [`${"a".repeat(245)}/b`, "the part before the slash is not a DNS domain"],
  ])("refuses %s", (text, reason) => expect(parse(resourceName(), text)).toBe(reason));
  test.each(["a/", "a/-b", "a/b-", "a/b c", `a/${"b".repeat(64)}`])("refuses %s", (text) => {
    expect(parse(resourceName(), text)).toStartWith("the part after the slash is not 1 to 63");
  });
});

test("a directory is an absolute path, tidied", () => {
  expect(parse(directory(), "/host//dev/./x/../")).toBe("/host/dev");
  expect(parse(directory(), "/")).toBe("/");
  for (const text of ["dev", "./dev", "~", "", "/a\0b", "/a\nb"]) {
    expect(parse(directory(), text)).toBe("refused");
  }
});

test("a socket's path leaves room in the socket address", () => {
  const type = socketPath(24);
  expect(type.expected).toBe("the absolute path of a socket, at most 83 bytes long");
  expect(parse(type, `/${"a".repeat(82)}`)).toBe(`/${"a".repeat(82)}`);
  expect(parse(type, `/${"a".repeat(83)}`)).toBe("it is 84 bytes long");
  expect(parse(type, `/${"é".repeat(42)}`)).toBe("it is 85 bytes long");
  expect(parse(type, "/a/")).toBe("refused");
  expect(parse(type, "a.sock")).toBe("refused");
});

test("a container path is different for each device", () => {
  for (const text of ["/dev/{id}", "/dev/video{index}", "/cams/{n}/video"]) {
    expect(parse(devicePathTemplate(), text)).toBe(text);
  }
  const refused = ["/dev/video0", "dev/{id}", "{id}", "/dev/{name}", "/{id}/{name}", "/dev/{{id}}"];
  for (const text of [...refused, "/d ev/{id}", "/dev/{id},", ""]) {
    expect(parse(devicePathTemplate(), text)).toBe("refused");
  }
  expect(parse(devicePathTemplate(), "/dev/../{id}")).toBe("it must not climb with ..");
});

test("a feed's path is none that browsers take for a camera's", () => {
  for (const text of ["/dev/feed{index}", "/dev/{n}", "/feeds/{id}"]) {
    expect(parse(feedPathTemplate(), text)).toBe(text);
  }
  for (const text of ["/dev/{id}", "/dev/video{n}", "//dev//./video{n}", "/dev/feed", "feed{n}"]) {
    expect(parse(feedPathTemplate(), text)).toBe("refused");
  }
});

test("a frame's size is two even numbers within the bounds", () => {
  const type = frameSize({ width: 48, height: 32 }, { width: 8192, height: 8192 });
  expect(parse(type, "1280x720")).toEqual({ width: 1280, height: 720 });
  expect(parse(type, "48x32")).toEqual({ width: 48, height: 32 });
  expect(type.show?.({ width: 640, height: 360 })).toBe("640x360");
  expect(parse(type, "641x360")).toBe("the numbers are not both even");
  for (const text of ["46x32", "48x30", "8194x720", "1280", "1280*720", "1280x720x2", "0x0", ""]) {
    expect(parse(type, text)).toBe("refused");
  }
});

test("a placeholder is a test card, a colour or a file", () => {
  const type = placeholder();
  expect(parse(type, "test-card")).toEqual({ kind: "test_card" });
  expect(parse(type, "#0aFF10")).toEqual({ kind: "colour", colour: [10, 255, 16] });
  expect(parse(type, "/etc//logo.png")).toEqual({ kind: "file", path: "/etc/logo.png" });
  for (const text of ["", "card", "logo.png", "#fff", "#1234567", "/pictures/", "red"]) {
    expect(parse(type, text)).toBe("refused");
  }
  for (const text of ["test-card", "#0aff10", "/logo.png"]) {
    const parsed = type.parse(text, effects);
    expect(parsed.ok && type.show?.(parsed.value)).toBe(text);
  }
});

test("fractions of a second have up to three decimals", () => {
  const type = fractionalSeconds(0.1, 60);
  for (const [text, value] of [
    ["0.1", 0.1],
    ["1", 1],
    ["1.25s", 1.25],
    ["60", 60],
  ] as const) {
    expect(parse(type, text)).toBe(value);
  }
  for (const text of ["0", "0.09", "60.1", ".5", "1.", "1e1", "1.2345", "", "s", "-1"]) {
    expect(parse(type, text)).toBe("refused");
  }
});

test("a group is a number, a name that exists, or nothing", () => {
  expect(parse(group(), "44")).toBe(44);
  expect(parse(group(), "video")).toBe(44);
  expect(parse(group(), "")).toBeUndefined();
  expect(parse(group(), "4294967294")).toBe(4294967294);
  expect(parse(group(), "4294967295")).toBe("refused");
  expect(parse(group(), "vidoe")).toBe("there is no such group");
  expect(group().show?.(undefined)).toBeNull();
});

test("a group's name is found in /etc/group", () => {
  const etcGroup = "root:x:0:\n# comment\nvideo:x:44:ann,bob\nbroken:x\nodd:x:abc:\n";
  expect(findGroup(etcGroup, "video")).toBe(44);
  expect(findGroup(etcGroup, "root")).toBe(0);
  for (const name of ["vid", "broken", "odd", "x", ""]) {
    expect(findGroup(etcGroup, name)).toBeUndefined();
  }
});
