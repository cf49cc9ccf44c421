/** `espalier reap`: ends processes whose tree is dead. There should never be any; this is the audit of that promise. */
import type { Operation } from "effection";
import {
  KILL_TIMEOUT_MS,
  ORPHAN_GRACE_MS,
  TERM_GRACE_MS,
  WATCHDOG_PATIENCE_MS,
  WATCHDOG_PERIOD_MS,
} from "../actor/limits.ts";
import { startTicksOf } from "../actor/tree-mark.ts";
import { sleep } from "../sc/sleep.ts";
import { moveOnAfter } from "../sc/timeouts.ts";
import { UsageError } from "./failure.ts";
import { CAN_LIST, type TreeProcess, treeProcesses } from "./tree-processes.ts";

/** An orphan has so long to notice and to unwind; one that is older is a survivor. */
const ENDS_BY_ITSELF_MS = WATCHDOG_PERIOD_MS + WATCHDOG_PATIENCE_MS + ORPHAN_GRACE_MS + 250;

/** Between two looks at processes that are ending. */
const LOOK_MS = 50;

export interface Reaped extends TreeProcess {
  readonly end: "left alone" | "SIGTERM" | "SIGKILL" | "survived";
}

/** Processes of dead trees that do not end by themselves within their bound. */
export function* findOrphans(): Operation<TreeProcess[]> {
  const suspects = treeProcesses().filter(({ isRootAlive }) => !isRootAlive);
  yield* moveOnAfter(ENDS_BY_ITSELF_MS, function* () {
    while (suspects.some(lives)) yield* sleep(LOOK_MS);
  });
  return suspects.filter(lives);
}

/** End them: each is asked, and killed if that does not help. */
export function* reap(orphans: readonly TreeProcess[], isDry: boolean): Operation<Reaped[]> {
  if (isDry) return orphans.map((orphan) => ({ ...orphan, end: "left alone" }));
  const ends = new Map<TreeProcess, Reaped["end"]>();
  for (const [signal, ms] of [
    ["SIGTERM", TERM_GRACE_MS],
    ["SIGKILL", KILL_TIMEOUT_MS],
  ] as const) {
    const living = orphans.filter(lives);
    for (const orphan of living) {
      ends.set(orphan, signal);
      signalTo(orphan, signal);
    }
    yield* moveOnAfter(ms, function* () {
      while (living.some(lives)) yield* sleep(LOOK_MS);
    });
  }
  return orphans.map((orphan) => ({ ...orphan, end: lives(orphan) ? "survived" : (ends.get(orphan) ?? "SIGTERM") }));
}

function lives({ pid, startTicks }: TreeProcess): boolean {
  return startTicksOf(pid) === startTicks;
}

function signalTo({ pid }: TreeProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error; // it has just ended
  }
}

/** @throws UsageError on a platform that cannot be asked */
export function mustBeAbleToReap(): void {
  if (!CAN_LIST) throw new UsageError("reap reads /proc, which this platform does not have");
}

export function describeReaped(reaped: readonly Reaped[]): string {
  const lines = reaped.map(({ pid, title, rootPid, end }) => `${pid}  ${title}  its root was ${rootPid}  ${end}`);
  const count = reaped.length;
  return [...lines, count === 0 ? "no process of a dead tree" : `${count} of a dead tree`].join("\n");
}
