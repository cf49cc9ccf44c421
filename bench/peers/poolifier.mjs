/** poolifier, with cluster processes; with threads where the variant says so. */
import { fileURLToPath } from "node:url";
import { importPackage } from "../packages.mjs";
import { openPool } from "./pool-fleet.mjs";

const { FixedClusterPool, FixedThreadPool } = await importPackage("poolifier");

const file = fileURLToPath(import.meta.resolve("./poolifier-worker.cjs"));

/** @type {import("../peer.mjs").OpenFleet} */
export function open(count, variant) {
  const pool = new (variant === "threads" ? FixedThreadPool : FixedClusterPool)(count, file);
  return openPool(
    (name, task) => pool.execute(task, name),
    () => pool.destroy(),
  );
}
