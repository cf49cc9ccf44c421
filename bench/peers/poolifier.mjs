/** poolifier with cluster processes. */
import { fileURLToPath } from "node:url";
import { importPackage } from "../packages.mjs";
import { openPool } from "./pool-fleet.mjs";

const { FixedClusterPool } = await importPackage("poolifier");

/** @type {import("../peer.mjs").OpenFleet} */
export function open(count) {
  const pool = new FixedClusterPool(count, fileURLToPath(import.meta.resolve("./poolifier-worker.cjs")));
  return openPool(
    (a, b) => pool.execute({ a, b }, "add"),
    () => pool.execute({}, "pid"),
    () => pool.destroy(),
  );
}
