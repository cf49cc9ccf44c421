/** Calls of a function in one child, and dialogs with it. */
import { BY_HAND, measureEach } from "../../peers.mjs";
import { perSecond } from "../../scenario.mjs";

/** @import { Scenario } from "../../scenario.mjs" */

const CALLERS = 64;

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  calls: {
    title: "calls, one after the other",
    unit: "calls/s",
    better: "more",
    limit: BY_HAND,
    note: "as with an item there and back, the cores that the two sides are put on decide; piscina's worker is a thread",
    peers: measureEach(["calls"], async (open, options) => {
      const fleet = await open(1);
      return await perSecond(options, (count) => fleet.calls(count));
    }),
  },
  "calls-at-once": {
    title: `calls by ${CALLERS} callers at once`,
    unit: "calls/s",
    better: "more",
    limit: BY_HAND,
    note: "workerpool gives its worker one call after the other",
    peers: measureEach(["callsAtOnce"], async (open, options) => {
      const fleet = await open(1);
      return await perSecond(options, (count) => fleet.callsAtOnce(count, CALLERS));
    }),
  },
  dialogs: {
    title: "contexts: opened, a first value, a result",
    unit: "contexts/s",
    better: "more",
    limit: BY_HAND,
    note: "the others send a first answer and a last one, which link nothing",
    peers: measureEach(["dialogs"], async (open, options) => {
      const fleet = await open(1);
      return await perSecond(options, (count) => fleet.dialogs(count));
    }),
  },
};
