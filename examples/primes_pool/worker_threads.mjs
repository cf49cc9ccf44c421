/**
 * The same by hand: `node examples/primes_pool/worker_threads.mjs`. Left out: results that come faster than they are read,
 * calls that are cancelled, errors that say which number it was.
 */
import { availableParallelism } from "node:os";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

const numbers = [112272535095293, 112582705942171, 115280095190773, 115797848077099, 1099726899285419];

/** @param {number} n */
function isPrime(n) {
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return n > 1;
}

function work() {
  parentPort?.on("message", ({ index, n }) => {
    try {
      parentPort?.postMessage({ index, value: isPrime(n) });
    } catch (error) {
      parentPort?.postMessage({ index, error });
    }
  });
}

async function main() {
  const workers = Array.from({ length: availableParallelism() }, () => new Worker(new URL(import.meta.url)));
  try {
    /** @type {Promise<void>} */
    const printed = new Promise((resolve, reject) => {
      const ready = new Map();
      let started = 0;
      let next = 0;
      const give = (/** @type {Worker} */ worker) => {
        if (started < numbers.length) worker.postMessage({ index: started, n: numbers[started++] });
      };
      for (const worker of workers) {
        worker.on("error", reject);
        worker.on("exit", (code) => reject(new Error(`a worker has exited with ${code}`)));
        worker.on("message", ({ index, value, error }) => {
          if (error !== undefined) return reject(error);
          ready.set(index, value);
          for (; ready.has(next); next++) console.log(`${numbers[next]} is ${ready.get(next) ? "" : "not "}prime`);
          if (next === numbers.length) return resolve();
          give(worker);
        });
        give(worker);
      }
    });
    await printed;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

if (isMainThread) await main();
else work();
