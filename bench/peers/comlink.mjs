/** comlink over a worker thread: an object of promise functions, as it were here. */
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { importPackage } from "../packages.mjs";
import { add, assertSame, callers } from "../peer.mjs";

const { expose, wrap } = await importPackage("comlink/dist/esm/comlink.mjs");
const { default: nodeEndpoint } = await importPackage("comlink/dist/esm/node-adapter.mjs");

/** @type {import("../peer.mjs").OpenFleet} */
export async function open(count) {
  const workers = Array.from({ length: count }, () => new Worker(new URL(import.meta.url)));
  const remotes = workers.map((worker) => wrap(nodeEndpoint(worker)));
  for (const remote of remotes) assertSame("add", await remote.add(1, 1), 2);
  return {
    ...callers((a, b) => remotes[0].add(a, b)),
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

if (!isMainThread && parentPort !== null) expose({ add }, nodeEndpoint(parentPort));
