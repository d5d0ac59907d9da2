import { deepEqual, equal, match } from "node:assert/strict";
import { countOpens } from "../../support/open-watch.ts";
import type { ModuleVersion } from "../provision.ts";
import { identity, modeOf, modprobe, query, rmmod } from "./cameras.ts";
import { eventually } from "./eventually.ts";
import { ALL, type GuestNode } from "./guest-node.ts";
import type { Story } from "./story.ts";

const OTHERS_LABEL = "FrontDoor";

/** Someone else's camera has one of the numbers, then someone else has loaded the module. */
export function others(version: ModuleVersion): Story {
  /** True if a device can be added to a module that is loaded: 0.12 has no control device. */
  const adds = version !== "0.12.7";
  return [
    {
      name: "with another driver's camera as video12 it offers the other 7",
      async run(node) {
        // Of vivid's nodes only the one that captures.
        modprobe("vivid", "n_devs=1", "node_types=0x1", "vid_cap_nr=12");
        equal(query(["video12"])[0]?.driver, "vivid");
        const before = identity("video12");
        const opens = await countOpens(["/dev/video12"], async () => {
          await node.kubelet.start();
          node.plugin.start();
          await node.allocatable(7);
        });
        equal(node.kubelet.devices()["video12"], "Unhealthy");
        equal(opens, 0);
        deepEqual(identity("video12"), before);
        equal(query(["video12"])[0]?.driver, "vivid");
      },
    },
    {
      name: "it says whose camera that is and what to do",
      async run({ plugin: { log } }) {
        const [unhealthy, ...more] = log.saying("Device unhealthy");
        deepEqual(more, []);
        equal(unhealthy?.["device_id"], "video12");
        equal(unhealthy?.["reason"], "wrong_driver");
        match(String(unhealthy?.["detail"]), /vivid/);
        const [failure] = log.saying("Device could not be set up");
        equal(failure?.["device_id"], "video12");
        equal(failure?.["error_code"], "device_foreign");
        match(String(failure?.["remedy"]), /device numbers/);
      },
    },
    {
      name: "the 7 have their own numbers: none was shifted",
      async run() {
        const drivers = query().map(({ device, driver }) => [device, driver]);
        const expected = ALL.map((id) => [
          `/dev/${id}`,
          id === "video12" ? "vivid" : "v4l2 loopback",
        ]);
        deepEqual(drivers, expected);
      },
    },
    {
      name: adds
        ? "when that camera goes, it makes a video12 of its own"
        : "when that camera goes, it says why it can't make a video12 of its own, and how it could",
      async run(node) {
        rmmod("vivid");
        if (adds) await node.allocatable(8);
        else await saysHowToMake(node, "video12");
        await node.stopPlugin();
      },
    },
    {
      name: adds
        ? "of a module loaded with 3 devices it adopts these, and adds the others"
        : "of a module loaded with 3 devices it adopts these, and says how it could make the others",
      async run(node) {
        const label = Array(3).fill(OTHERS_LABEL).join(",");
        rmmod("v4l2loopback");
        modprobe(
          "v4l2loopback",
          ...["devices=3", "video_nr=10,11,12", "exclusive_caps=1,1,1", `card_label=${label}`],
        );
        node.plugin.start();
        await node.allocatable(adds ? 8 : 3);
        if (!adds) await saysHowToMake(node, "video13");
        const [setUp] = node.plugin.log.saying("Devices set up");
        deepEqual(setUp?.["adopted_device_ids"], ADOPTED);
        deepEqual(setUp?.["created_device_ids"], adds ? ALL.slice(3) : []);
      },
    },
    {
      name: "adopted devices keep their label, which it mentions, and get the mode",
      async run({ plugin: { log } }) {
        for (const { card } of query(ADOPTED)) equal(card, OTHERS_LABEL);
        for (const id of ADOPTED) equal(modeOf(id), 0o666);
        const warnings = log.saying("Adopted devices have another card label");
        deepEqual(
          warnings.map((entry) => [entry["device_ids"], entry["card_label"]]),
          [[ADOPTED, OTHERS_LABEL]],
        );
      },
    },
    {
      name: "once that module is unloaded, as advised, it loads it with all its devices",
      async run(node) {
        rmmod("v4l2loopback");
        await eventually("labels of its own", () => {
          return query().filter(({ card }) => card === "MeetingBot_WebCam").length === 8;
        });
        await node.allocatable(8);
        await node.stopPlugin();
      },
    },
  ];
}

const ADOPTED = ALL.slice(0, 3);

async function saysHowToMake({ plugin }: GuestNode, id: string): Promise<void> {
  const failure = await eventually(`a word on ${id}`, () =>
    plugin.log.entries().find(({ error_code: code, device_id: only, device_ids: ids }) => {
      const isAbout = only === id || (Array.isArray(ids) && ids.includes(id));
      return isAbout && code === "not_supported";
    }),
  );
  match(String(failure["remedy"]), /rmmod v4l2loopback/);
}
