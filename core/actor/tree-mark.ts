/**
 * What every process of a tree carries in its environment: the root that it belongs to, so that processes whose root is
 * gone can be found by whoever looks (`npx espalier reap`), whatever has become of those between.
 */
import { readFileSync } from "node:fs";
import { isRootProcess } from "./actor.ts";

export const TREE_VARIABLE = "ESPALIER_TREE";

/**
 * When a process was started, in clock ticks since boot: with its pid that names it once and for all. Undefined where it
 * does not live, or the platform does not say.
 */
export function startTicksOf(pid: number | "self"): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // [ pid (name) state parent … ]: the name may hold spaces and parentheses, so count from its last one.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined; // not Linux, or gone
  }
}

let ownMark: string | undefined;

/** The mark for children of this process. */
export function treeMark(): string {
  const inherited = process.env[TREE_VARIABLE];
  if (!isRootProcess() && inherited !== undefined) return inherited;
  ownMark ??= `${process.pid}.${startTicksOf("self") ?? 0}`;
  return ownMark;
}
