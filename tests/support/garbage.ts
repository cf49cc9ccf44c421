import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes of the heap that are in use once all garbage has been collected. */
export function collectGarbage(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") throw new Error("this Node does not let its garbage be collected on demand");
  for (let i = 0; i < 3; i++) collect();
  return process.memoryUsage().heapUsed;
}
