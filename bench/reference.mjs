/**
 * How fast the machine is at what all the others do, processes that wake each other: calls on a bare socket, by 64 callers
 * at once, in two processes of their own. Prints calls a second. A virtual machine may do the same loop in the same time
 * all day, and this by a quarter slower from one minute to the next.
 */
import { open } from "./peers/socket.mjs";
import { timeMs } from "./scenario.mjs";

const CALLERS = 64;
const COUNT = 50_000;
const WARM_MS = 500;
const MEASURED_MS = 1_500;

const fleet = await open(1, "items");

/** Calls a second, over so long. @param {number} ms */
async function rateFor(ms) {
  let count = 0;
  let took = 0;
  while (took < ms) {
    took += await timeMs(async () => await fleet.callsAtOnce?.(COUNT, CALLERS));
    count += COUNT;
  }
  return (count * 1_000) / took;
}

await rateFor(WARM_MS);
console.log(Math.round(await rateFor(MEASURED_MS)));
await fleet.close();
