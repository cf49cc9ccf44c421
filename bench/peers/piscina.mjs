/** piscina, whose workers are threads. */

import { importPackage } from "../packages.mjs";
import { openPool, tasksAtOnce } from "./pool-fleet.mjs";

const { Piscina } = await importPackage("piscina");

/** @type {import("../peer.mjs").OpenFleet} */
export function open(count, variant) {
  const pool = new Piscina({
    filename: import.meta.resolve("./pool-tasks.mjs"),
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: tasksAtOnce(count, variant),
  });
  return openPool(
    (name, task) => pool.run(task, { name }),
    () => pool.destroy(),
  );
}
