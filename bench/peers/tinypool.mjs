/** tinypool, with child processes; with threads where the variant says so. */

import { importPackage } from "../packages.mjs";
import { openPool, tasksAtOnce } from "./pool-fleet.mjs";

const { Tinypool } = await importPackage("tinypool");

/** @type {import("../peer.mjs").OpenFleet} */
export function open(count, variant) {
  const pool = new Tinypool({
    filename: import.meta.resolve("./pool-tasks.mjs"),
    runtime: variant === "threads" ? "worker_threads" : "child_process",
    minThreads: count,
    maxThreads: count,
    concurrentTasksPerWorker: tasksAtOnce(count, variant),
  });
  return openPool(
    (name, task) => pool.run(task, { name }),
    () => pool.destroy(),
  );
}
