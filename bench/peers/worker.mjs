/** `worker_threads` and their `MessagePort`: a thread and no process, so it shares our fate if it crashes. */
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { openByMessages, serveMessages } from "./messages.mjs";

/** @import { ChildPort } from "./messages.mjs" */

/** @type {import("../peer.mjs").OpenFleet} */
export function open(count) {
  return openByMessages(Array.from({ length: count }, start));
}

/** @returns {ChildPort} */
function start() {
  const worker = new Worker(new URL(import.meta.url));
  return {
    pid: undefined,
    send: (message) => worker.postMessage(message),
    listen: (hear) => void worker.on("message", hear),
    close: async () => void (await worker.terminate()),
  };
}

if (!isMainThread) {
  serveMessages({
    send: (message) => parentPort?.postMessage(message),
    listen: (hear) => void parentPort?.on("message", hear),
  });
}
