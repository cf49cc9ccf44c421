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
    observe: (count) =>
      new Promise((resolve, reject) => {
        let sum = 0;
        workers[0].numbers(count).subscribe(
          (/** @type {number} */ n) => {
            sum += n;
          },
          reject,
          () => {
            assertSame("sum", sum, (count * (count - 1)) / 2);
            resolve();
          },
        );
      }),
    async close() {
      await Promise.all(workers.map((worker) => Thread.terminate(worker)));
    },
  };
}

if (!isMainThread) {
  const { expose } = await importPackage("threads/worker");
  const { Observable } = await importPackage("threads/observable");
  expose({
    add,
    numbers: (/** @type {number} */ count) =>
      new Observable((/** @type {{ next(n: number): void, complete(): void }} */ observer) => {
        for (let n = 0; n < count; n++) observer.next(n);
        observer.complete();
      }),
  });
}
