/**
 * The census: what a test started must be gone when it ends. Counts processes (those that lost their parent too),
 * socket files and open handles, gives what is on its way out a bounded time, and names whatever stays.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import {
  descendantsOf,
  isAlive,
  listProcesses,
  MARK_VARIABLE,
  type ProcessEntry,
  processesMarked,
  readProcess,
} from "./process-table.ts";
import { createTempDir, removeTempDir, socketsIn } from "./temp-dir.ts";

/** How long what is ending may take: the project promises that a tree is gone within two seconds. */
export const GONE_WITHIN_MS = 2_000;
/** Between two looks at the process table; a look takes some milliseconds. */
const POLL_MS = 20;

/**
 * Kinds of handles of which nothing is there for good: those that are counted now are vitest's own, soon over, and
 * must not be set off against ones that a test leaves. So a timer that was running before the census counts as left.
 */
const PASSING_KINDS = new Set(["Timeout", "Immediate", "CloseReq"]);

const inherited = process.env[MARK_VARIABLE];
/** This test process's own mark. Made from the one it inherited, if any: an outer census finds all below. */
export const testMark = [inherited, randomBytes(6).toString("hex")].filter(Boolean).join(".");

/** What was found, in numbers and names, when nothing should have been there. */
export class SomethingLeft extends Error {
  override readonly name = "SomethingLeft";
  readonly processes: readonly ProcessEntry[];
  readonly sockets: readonly string[];
  /** Kinds of handles as `process.getActiveResourcesInfo` names them, once for each. */
  readonly handles: readonly string[];

  constructor(left: Left, waitedMs: number) {
    super(`${describe(left)}\n(waited ${Math.round(waitedMs)} ms)`);
    this.processes = left.processes;
    this.sockets = left.sockets;
    this.handles = left.handles;
  }
}

interface Left {
  readonly processes: readonly ProcessEntry[];
  readonly sockets: readonly string[];
  readonly handles: readonly string[];
}

export interface Census {
  /**
   * Wait until all that was started since is gone. Processes that are left are killed after they were reported,
   * so that one test's failure is not the next one's.
   *
   * @param withinMs - how long to wait for what is on its way out
   * @throws SomethingLeft naming each process, socket file and handle that is still there
   */
  assertNothingLeft(withinMs?: number): Promise<void>;
}

/**
 * Note what is there now, and mark every process that this one starts from now on.
 *
 * @param dirs - folders to search for socket files, with all folders in them
 */
export function takeCensus({ dirs = [] }: { dirs?: readonly string[] } = {}): Census {
  process.env[MARK_VARIABLE] = testMark;
  // Opened on first use and then for good; opened now, they are no difference later.
  void process.stdout;
  void process.stderr;
  const processesBefore = new Set(ownProcesses().map(identityOf));
  const socketsBefore = new Set(dirs.flatMap(socketsIn));
  const handlesBefore = process.getActiveResourcesInfo().filter((kind) => !PASSING_KINDS.has(kind));

  function whatIsLeft(): Left {
    return {
      processes: ownProcesses().filter((entry) => !processesBefore.has(identityOf(entry))),
      sockets: dirs.flatMap(socketsIn).filter((path) => !socketsBefore.has(path)),
      handles: surplus(process.getActiveResourcesInfo(), handlesBefore),
    };
  }

  return {
    async assertNothingLeft(withinMs = GONE_WITHIN_MS) {
      const start = performance.now();
      // Twice: a process that starts another and ends while the table is read can hide both, but not two times.
      for (let timesEmpty = 0; timesEmpty < 2; ) {
        const left = whatIsLeft();
        if (isEmpty(left)) {
          timesEmpty++;
          continue;
        }
        timesEmpty = 0;
        if (performance.now() - start >= withinMs) {
          for (const entry of left.processes) kill(entry, "SIGKILL");
          throw new SomethingLeft(left, performance.now() - start);
        }
        await sleep(POLL_MS);
      }
    },
  };
}

/**
 * Hold a census around each test of the file: nothing a test started may outlive it. Meanwhile `TMPDIR` is a folder
 * of the file's own, here and in all children, so socket files are found wherever under it they are made.
 */
export function useCensus(): void {
  let census: Census;
  let dir: string;
  let tmpBefore: string | undefined;
  beforeAll(() => {
    dir = createTempDir();
    tmpBefore = process.env.TMPDIR;
    process.env.TMPDIR = dir;
  });
  afterAll(() => {
    if (tmpBefore === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = tmpBefore;
    removeTempDir(dir);
  });
  beforeEach(() => {
    census = takeCensus({ dirs: [dir] });
  });
  afterEach(() => census.assertNothingLeft());
}

/**
 * Wait until none of these processes lives, however they end and whoever reaps them.
 *
 * @returns how many milliseconds it took
 * @throws SomethingLeft naming those that still live after `withinMs`
 */
export async function waitUntilGone(pids: Iterable<number>, withinMs = GONE_WITHIN_MS): Promise<number> {
  const entries = [...pids].map(readProcess).filter((entry) => entry !== undefined);
  return await waitUntilNone(() => entries.filter(isAlive), withinMs);
}

/** The same for all that carry `mark`, those that are started meanwhile included. */
export async function waitUntilNoneMarked(mark: string, withinMs = GONE_WITHIN_MS): Promise<number> {
  return await waitUntilNone(() => processesMarked(mark), withinMs);
}

/** Send `signal` to a process that may have ended, or whose pid may be another's by now. */
export function kill(entry: ProcessEntry, signal: NodeJS.Signals): void {
  if (!isAlive(entry)) return;
  try {
    process.kill(entry.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

async function waitUntilNone(living: () => ProcessEntry[], withinMs: number): Promise<number> {
  const start = performance.now();
  for (;;) {
    const processes = living();
    const waitedMs = performance.now() - start;
    if (processes.length === 0) return waitedMs;
    if (waitedMs >= withinMs) throw new SomethingLeft({ processes, sockets: [], handles: [] }, waitedMs);
    await sleep(POLL_MS);
  }
}

/** All that this process started: its descendants, and those with its mark that hang elsewhere by now. */
function ownProcesses(): ProcessEntry[] {
  const table = listProcesses();
  return [...new Set([...descendantsOf(process.pid, table), ...processesMarked(testMark, table)])];
}

function identityOf({ pid, startTicks }: ProcessEntry): string {
  return `${pid}@${startTicks}`;
}

function surplus(now: readonly string[], before: readonly string[]): string[] {
  const known = [...before];
  return now.filter((kind) => {
    const at = known.indexOf(kind);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
}

function isEmpty({ processes, sockets, handles }: Left): boolean {
  return processes.length + sockets.length + handles.length === 0;
}

function describe({ processes, sockets, handles }: Left): string {
  return [
    "something was left behind:",
    ...processes.map((entry) => `  process ${entry.pid} (parent ${entry.parent}): ${entry.commandLine}`),
    ...sockets.map((path) => `  socket file ${path}`),
    ...handles.map((kind) => `  open handle of kind ${kind}`),
  ].join("\n");
}
