/** What the children of a soak expose beside what they do for the scenarios. */
import { heapBytes } from "./scenario.mjs";

/** The exit status of an actor that fails. */
export const FAILED = 7;

export function* heap() {
  return heapBytes();
}

/** Seconds of a core that this process has had. */
export function* cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export function* fails() {
  process.exit(FAILED);
}
