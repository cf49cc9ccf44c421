/** Sees to it that the peers which are packages are there: in `bench/node_modules`, from a lockfile of their own. */
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PEERS } from "./peers.mjs";

/** @import { Found } from "./scenarios.mjs" */

const folder = fileURLToPath(new URL(".", import.meta.url));
const lockfile = fileURLToPath(new URL("./package-lock.json", import.meta.url));
/** Written by npm when it has installed. */
const installed = fileURLToPath(new URL("./node_modules/.package-lock.json", import.meta.url));

/**
 * Install what the chosen peers need, if it is missing or older than the lockfile.
 *
 * @param {readonly Found[]} chosen
 * @param {readonly string[]} peers - only these; all for none
 * @throws Error if that fails
 */
export function ensureInstalled(chosen, peers) {
  const needing = [...new Set(chosen.flatMap(({ scenario }) => Object.keys(scenario.peers)))]
    .filter((peer) => peers.length === 0 || peers.includes(peer))
    .filter((peer) => PEERS[peer]?.installs);
  if (needing.length === 0) return;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs) return;
  console.error(`bench: ${needing.join(", ")} are packages; installing them into bench/node_modules (npm ci)`);
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  throw new Error(
    "the packages of bench/package.json could not be installed; without them name the peers: --peer espalier --peer socket --peer fork-json",
  );
}
