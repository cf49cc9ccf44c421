/** `child_process.fork` and its messages; the variant is its `serialization`: `json` or `advanced`. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { openByMessages, serveMessages } from "./messages.mjs";

/** @import { ChildPort } from "./messages.mjs" */

const IS_CHILD = "--bench-fork-child";
const file = fileURLToPath(import.meta.url);

/** @type {import("../peer.mjs").OpenFleet} */
export function open(count, variant) {
  return openByMessages(Array.from({ length: count }, () => start(variant === "json" ? "json" : "advanced")));
}

/** @param {"json" | "advanced"} serialization @returns {ChildPort} */
function start(serialization) {
  const child = fork(file, [IS_CHILD, serialization], { serialization });
  const gone = new Promise((resolve) => {
    child.on("exit", () => resolve(undefined));
  });
  return {
    pid: child.pid,
    text: serialization === "json",
    send: (message) => void child.send(message),
    listen: (hear) => void child.on("message", (message) => hear(/** @type {any} */ (message))),
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
    async close() {
      child.disconnect();
      await gone;
    },
  };
}

if (process.argv[2] === IS_CHILD) {
  serveMessages({
    text: process.argv[3] === "json",
    send: (message) => void process.send?.(message),
    listen: (hear) => void process.on("message", (message) => hear(/** @type {any} */ (message))),
  });
}
