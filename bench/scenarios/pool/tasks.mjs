/** Tasks that are shared out among two workers, all of them known from the start. */
import { BY_HAND, measureEach } from "../../peers.mjs";
import { microsecondsEach } from "../../scenario.mjs";

/** @import { TaskName } from "../../peer.mjs" */

const WORKERS = 2;
const MICROSECONDS = 1_000_000;

/** @param {TaskName} name @param {number} count @param {readonly string[]} [except] */
function tasksOf(name, count, except) {
  return measureEach(
    ["tasks"],
    async (open, options) => {
      const fleet = await open(WORKERS);
      return MICROSECONDS / (await microsecondsEach(count, (n) => fleet.tasks(name, n))(options));
    },
    except,
  );
}

const LIMIT = [...BY_HAND, "fork-json", "fork-advanced", "worker"];
const THREADS = "piscina, worker and what is called -threads are threads, the others processes";

/** @type {Readonly<Record<string, import("../../scenario.mjs").Scenario>>} */
export const scenarios = {
  tiny: {
    title: `10,000 tiny tasks, by ${WORKERS} workers`,
    unit: "tasks/s",
    better: "more",
    limit: LIMIT,
    note: `${THREADS}; what is called -ahead, what is by hand, and poolifier by itself give a worker tasks before it is done with others`,
    peers: tasksOf("add", 10_000),
  },
  cpu: {
    title: `200 tasks of some 5 ms of a core, by ${WORKERS} workers`,
    unit: "tasks/s",
    better: "more",
    limit: LIMIT,
    note: `${THREADS}; the task is a fixed loop, the same work for all`,
    // 64 tasks in one worker, and nothing to do in the other.
    peers: tasksOf("spin", 200, ["piscina-ahead", "tinypool-ahead"]),
  },
};
