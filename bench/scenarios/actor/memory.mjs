/** What an idle child keeps of the memory, as Linux counts it. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { BY_HAND, measureEach } from "../../peers.mjs";

/** @import { Scenario } from "../../scenario.mjs" */

/** A child has given its first result and has done nothing since, for so long, in milliseconds. */
const IDLE_MS = 500;
const KIB_PER_MIB = 1_024;

/** @param {readonly string[]} fields - of `/proc/<pid>/smaps_rollup`, to be summed up */
function memoryOf(fields) {
  return measureEach(["pids"], async (open) => {
    const fleet = await open(1);
    const [pid] = await fleet.pids();
    await sleep(IDLE_MS);
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
    let kib = 0;
    for (const field of fields) {
      const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(rollup);
      if (found === null) throw new Error(`smaps_rollup has no ${field}`);
      kib += Number(found[1]);
    }
    return kib / KIB_PER_MIB;
  });
}

/** @type {Readonly<Record<string, Scenario>>} */
export const scenarios = {
  "memory-rss": {
    title: "memory of an idle child, resident",
    unit: "MiB",
    limit: BY_HAND,
    note: "Linux only; what is shared with other processes counts in full",
    peers: memoryOf(["Rss"]),
  },
  "memory-private": {
    title: "memory of an idle child, private",
    unit: "MiB",
    limit: BY_HAND,
    note: "Linux only; what this one child adds",
    peers: memoryOf(["Private_Clean", "Private_Dirty"]),
  },
};
