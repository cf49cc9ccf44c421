/** piscina, whose workers are threads. */

import { importPackage } from "../packages.mjs";
import { openPool, TASKS_AT_ONCE } from "./pool-fleet.mjs";

const { Piscina } = await importPackage("piscina");

/** @type {import("../peer.mjs").OpenFleet} */
export function open(count) {
  const pool = new Piscina({
    filename: import.meta.resolve("./pool-tasks.mjs"),
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: TASKS_AT_ONCE,
  });
  return openPool(
    (a, b) => pool.run({ a, b }),
    () => pool.run({}, { name: "pid" }),
    () => pool.destroy(),
  );
}
