/** threads.js over a worker thread. */
import { isMainThread } from "node:worker_threads";
import { importPackage } from "../packages.mjs";
import { add, assertSame, callers } from "../peer.mjs";

/** @type {import("../peer.mjs").OpenFleet} */
export async function open(count) {
  const { spawn, Thread, Worker } = await importPackage("threads");
  // It takes a path from the folder of this file, and no URL.
  const workers = await Promise.all(Array.from({ length: count }, () => spawn(new Worker("./threads.mjs"))));
  for (const worker of workers) assertSame("add", await worker.add(1, 1), 2);
  return {
    ...callers((a, b) => workers[0].add(a, b)),
    async close() {
      await Promise.all(workers.map((worker) => Thread.terminate(worker)));
    },
  };
}

if (!isMainThread) {
  const { expose } = await importPackage("threads/worker");
  expose({ add });
}
