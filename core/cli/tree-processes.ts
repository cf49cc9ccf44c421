/** Processes of actor trees on this machine, and whether their roots live. Read from Linux's /proc. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { startTicksOf, TREE_VARIABLE } from "../actor/tree-mark.ts";

export interface TreeProcess {
  readonly pid: number;
  /** With the pid it names the process once and for all. */
  readonly startTicks: string;
  /** What the process list shows: `espalier:feed`. */
  readonly title: string;
  /** The root of its tree. */
  readonly rootPid: number;
  readonly isRootAlive: boolean;
}

/** Whether this machine can be asked. */
export const CAN_LIST = existsSync("/proc/self/environ");

/** Every process that an actor tree of this user has started. Those of other users cannot be read, and are left out. */
export function treeProcesses(): TreeProcess[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readTreeProcess(Number(name)))
    .filter((found) => found !== undefined);
}

function readTreeProcess(pid: number): TreeProcess | undefined {
  const mark = read(pid, "environ")
    ?.split("\0")
    .find((variable) => variable.startsWith(`${TREE_VARIABLE}=`))
    ?.slice(TREE_VARIABLE.length + 1);
  const [, rootPid, rootTicks] = /^(\d+)\.(\d+)$/.exec(mark ?? "") ?? [];
  const startTicks = startTicksOf(pid);
  if (rootPid === undefined || startTicks === undefined) return undefined;
  const title = (read(pid, "cmdline") ?? "").split("\0")[0]?.trim() || "(no title)";
  return { pid, startTicks, title, rootPid: Number(rootPid), isRootAlive: startTicksOf(Number(rootPid)) === rootTicks };
}

function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined; // gone meanwhile, or another user's
  }
}
