/** Promise code called where it does no harm: in another process, or in another thread. */
import { measureEach, PEERS } from "../../peers.mjs";
import { perSecond } from "../../scenario.mjs";

/** @import { Scenario } from "../../scenario.mjs" */

const CALLERS = 64;
/** Those that a program would put Promise code behind. Observables across processes belong beside these. */
const BRIDGES = ["espalier", "espalier-promises", "comlink", "threads", "fork-json", "fork-advanced"];
const OTHERS = Object.keys(PEERS).filter((peer) => !BRIDGES.includes(peer));

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  calls: {
    title: "a promise function elsewhere, called one after the other",
    unit: "calls/s",
    better: "more",
    limit: ["fork-json", "fork-advanced"],
    note: "espalier-promises calls an async function in quarantine, espalier an operation; comlink and threads call a thread, which a crash does not stop at",
    peers: measureEach(
      ["calls"],
      async (open, options) => {
        const fleet = await open(1);
        return await perSecond(options, (count) => fleet.calls(count));
      },
      OTHERS,
    ),
  },
  "calls-at-once": {
    title: `the same by ${CALLERS} callers at once`,
    unit: "calls/s",
    better: "more",
    limit: ["fork-json", "fork-advanced"],
    peers: measureEach(
      ["callsAtOnce"],
      async (open, options) => {
        const fleet = await open(1);
        return await perSecond(options, (count) => fleet.callsAtOnce(count, CALLERS));
      },
      OTHERS,
    ),
  },
};
