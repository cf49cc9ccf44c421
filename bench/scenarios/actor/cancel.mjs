/** A task in a child that only waits is cancelled, next to what a round trip takes. */
import { measureEach } from "../../peers.mjs";
import { median, timeMs } from "../../scenario.mjs";

/** @import { Scenario } from "../../scenario.mjs" */

const COUNT = 500;
const WARM_UPS = 3;
const ROUNDS = 7;
const MICROSECONDS = 1_000;
/** As many as stand beside each other in a table. */
const OTHERS = ["fork-advanced", "worker"];

/** @param {{ readonly quick: boolean }} options @param {(count: number) => Promise<number>} work - gives milliseconds */
async function microseconds({ quick }, work) {
  const count = quick ? COUNT / 10 : COUNT;
  for (let i = 0; i < WARM_UPS; i++) await work(count);
  /** @type {number[]} */
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(((await work(count)) * MICROSECONDS) / count);
  return median(rounds);
}

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  cancel: {
    title: "cancel a task that waits, until its block is left",
    unit: "µs",
    limit: "socket",
    note: "with fork a message and its answer, which clears a timer; on the socket a round trip; effect sends its interrupt, and does not wait for the other side",
    peers: measureEach(
      ["cancels"],
      async (open, options) => {
        const fleet = await open(1);
        return await microseconds(options, (count) => fleet.cancels(count));
      },
      OTHERS,
    ),
  },
  "cancel-round-trip": {
    title: "next to it: a call, there and back",
    unit: "µs",
    limit: "socket",
    peers: measureEach(
      ["calls", "cancels"],
      async (open, options) => {
        const fleet = await open(1);
        return await microseconds(options, (count) => timeMs(() => fleet.calls(count)));
      },
      OTHERS,
    ),
  },
};
