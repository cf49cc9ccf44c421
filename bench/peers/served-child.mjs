/** A child that is a server, on a Unix socket unless told: it says on its stdout when it listens, and ends when its stdin does. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @param {string} script - URL of the child's script
 * @param {string} [address] - what it is given; the path of a Unix socket unless told
 */
export async function startServer(script, address) {
  const folder = await mkdtemp(join(tmpdir(), "espalier-bench-"));
  const path = join(folder, "socket");
  const child = spawn(process.execPath, [fileURLToPath(script), address ?? path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const gone = new Promise((resolve) => {
    child.on("exit", () => resolve(undefined));
  });
  const listening = new Promise((resolve) => {
    child.stdout.on("data", () => resolve(true));
  });
  if (!(await Promise.race([listening, gone]))) throw new Error(`${script} has ended before it was ready`);
  return {
    pid: child.pid ?? 0,
    path,
    async close() {
      child.stdin.end();
      await gone;
      await rm(folder, { recursive: true });
    },
  };
}
