/** One-way streams from a child process to its parent, with backpressure from end to end, and a stream both ways. */
import { expectedWeight, PAYLOADS } from "../../payloads.mjs";
import { assertSame } from "../../peer.mjs";
import { BY_HAND, measureEach } from "../../peers.mjs";
import { perSecond } from "../../scenario.mjs";

/** @import { PayloadName } from "../../payloads.mjs" */
/** @import { Scenario } from "../../scenario.mjs" */

/** @param {PayloadName} name @param {number} share - of the unit that one item is */
function streamOf(name, share, except = /** @type {readonly string[]} */ ([])) {
  return measureEach(
    ["stream"],
    async (open, options) => {
      const fleet = await open(1);
      /** @type {{ count: number, weight: number }[]} */
      const received = [];
      const rate = await perSecond(options, async (count) => {
        received.push({ count, weight: await fleet.stream(name, count) });
      });
      for (const { count, weight } of received) assertSame("weight of the items", weight, expectedWeight(name, count));
      return rate * share;
    },
    except,
  );
}

const WINDOW =
  "fork and worker have no backpressure: they get a window of 1,024 items by acknowledgements; " +
  "a worker is a thread, not a process; effect's source comes in arrays of 4,096, each of them one message";

/** @type {(name: "bytes-64k" | "bytes-1m", title: string) => Scenario} */
function ofBytes(name, title) {
  return {
    title,
    unit: "GB/s",
    better: "more",
    limit: BY_HAND,
    note: `fork and worker have a window of ${PAYLOADS[name].window} items; fork-json has to send base64`,
    peers: streamOf(name, PAYLOADS[name].bytes / 1e9, ["socket-chunks"]),
  };
}

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  ints: {
    title: "stream of small integers",
    unit: "items/s",
    better: "more",
    limit: BY_HAND,
    note: WINDOW,
    peers: streamOf("int", 1),
  },
  objects: {
    title: "stream of objects with five fields",
    unit: "items/s",
    better: "more",
    limit: BY_HAND,
    note: WINDOW,
    peers: streamOf("object", 1),
  },
  "bytes-64k": ofBytes("bytes-64k", "stream of bytes, 64 KiB an item"),
  "bytes-1m": ofBytes("bytes-1m", "stream of bytes, 1 MiB an item"),
  "ping-pong": {
    title: "an item there and back on one stream",
    unit: "turns/s",
    better: "more",
    limit: BY_HAND,
    note: "the two sides wait for each other, so the cores they are put on decide, and figures come in two heaps; see --pin",
    notMeasured: { effect: "whose RPC streams one way only" },
    peers: measureEach(["pingPong"], async (open, options) => {
      const fleet = await open(1);
      return await perSecond(options, (count) => fleet.pingPong(count));
    }),
  },
};
