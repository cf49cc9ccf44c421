/** workerpool with child processes. It gives a worker one task at a time. */
import { fileURLToPath } from "node:url";
import { importPackage } from "../packages.mjs";
import { openPool } from "./pool-fleet.mjs";

const { default: workerpool } = await importPackage("workerpool");

/** @type {import("../peer.mjs").OpenFleet} */
export function open(count) {
  const pool = workerpool.pool(fileURLToPath(import.meta.resolve("./workerpool-worker.mjs")), {
    workerType: "process",
    minWorkers: count,
    maxWorkers: count,
  });
  return openPool(
    (a, b) => pool.exec("add", [a, b]),
    () => pool.exec("pid", []),
    async () => await pool.terminate(),
  );
}
