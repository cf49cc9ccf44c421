/** tinypool with child processes. */

import { importPackage } from "../packages.mjs";
import { openPool, TASKS_AT_ONCE } from "./pool-fleet.mjs";

const { Tinypool } = await importPackage("tinypool");

/** @type {import("../peer.mjs").OpenFleet} */
export function open(count) {
  const pool = new Tinypool({
    filename: import.meta.resolve("./pool-tasks.mjs"),
    runtime: "child_process",
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
