/** workerpool, with child processes; with threads where the variant says so. It gives a worker one task at a time. */
import { fileURLToPath } from "node:url";
import { importPackage } from "../packages.mjs";
import { openPool } from "./pool-fleet.mjs";

const { default: workerpool } = await importPackage("workerpool");

/** @type {import("../peer.mjs").OpenFleet} */
export function open(count, variant) {
  const pool = workerpool.pool(fileURLToPath(import.meta.resolve("./workerpool-worker.mjs")), {
    workerType: variant === "threads" ? "thread" : "process",
    minWorkers: count,
    maxWorkers: count,
  });
  return openPool(
    (name, task) => pool.exec(name, [task]),
    async () => await pool.terminate(),
  );
}
