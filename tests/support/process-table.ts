/**
 * The machine's processes as tests need them: who lives, who started whom, and who carries which mark. Read from
 * Linux's /proc, because only there a process that lost its parent can still be recognised, by its environment.
 */
import { readdirSync, readFileSync } from "node:fs";

/** The environment variable that children inherit from a test, and their children from them. */
export const MARK_VARIABLE = "ESPALIER_TEST_MARK";

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** When it started, in clock ticks since boot; with the pid it names a process once and for all. */
  readonly startTicks: number;
  readonly commandLine: string;
  /** The mark it was started with; the kernel shows the environment as it was then, not as it is now. */
  readonly mark: string | undefined;
}

/** Every living process. One that has ended and waits to be reaped (a zombie) is not living. */
export function listProcesses(): ProcessEntry[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((entry) => entry !== undefined);
}

/** The living process with this pid, if there is one. */
export function readProcess(pid: number): ProcessEntry | undefined {
  const stat = readEntry(pid, "stat");
  if (stat === undefined) return undefined;
  // [ pid (name) state parent ... ]: the name may hold spaces and parentheses, so count from its last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // The main thread alone may have ended: as long as another one runs, so does the process, and keeps its children.
  const threads = Number(fields[17]);
  const mainEnded = fields[0] === "Z" || fields[0] === "X";
  if (mainEnded && threads <= 1) return undefined;
  const thread = mainEnded ? livingThread(pid) : ".";
  const assignment = readEntry(pid, `${thread}/environ`)
    ?.split("\0")
    .find((variable) => variable.startsWith(`${MARK_VARIABLE}=`));
  return {
    pid,
    parent: Number(fields[1]),
    startTicks: Number(fields[19]),
    commandLine:
      (readEntry(pid, `${thread}/cmdline`) ?? "").split("\0").join(" ").trim() || stat.replace(/^.*?\(|\).*$/g, ""),
    mark: assignment?.slice(MARK_VARIABLE.length + 1),
  };
}

/** Whether that very process still lives; another one that got its pid does not count. */
export function isAlive(entry: ProcessEntry): boolean {
  return readProcess(entry.pid)?.startTicks === entry.startTicks;
}

/** Those of `table` that `pid` started, and those that they started; not `pid` itself. */
export function descendantsOf(pid: number, table: readonly ProcessEntry[] = listProcesses()): ProcessEntry[] {
  const found = new Set([pid]);
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const entry of table) if (found.has(entry.parent)) found.add(entry.pid);
  }
  return table.filter((entry) => entry.pid !== pid && found.has(entry.pid));
}

/** Those of `table` that carry `mark` or a mark made from it (`mark.x`), wherever they hang in the tree by now. */
export function processesMarked(mark: string, table: readonly ProcessEntry[] = listProcesses()): ProcessEntry[] {
  return table.filter(
    (entry) => entry.pid !== process.pid && (entry.mark === mark || entry.mark?.startsWith(`${mark}.`)),
  );
}

/** The folder of a thread that still has the process's memory, and with it the environment. */
function livingThread(pid: number): string {
  const threads = unlessGone(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads.map((thread) => `task/${thread}`).find((thread) => readEntry(pid, `${thread}/environ`)) ?? ".";
}

function readEntry(pid: number, name: string): string | undefined {
  return unlessGone(() => readFileSync(`/proc/${pid}/${name}`, "utf8"));
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    // ENOENT and ESRCH: it ended meanwhile. EACCES and EPERM: another user's, so not ours.
    if (error instanceof Error && "code" in error && /^(ENOENT|ESRCH|EACCES|EPERM)$/.test(String(error.code))) {
      return undefined;
    }
    throw error;
  }
}

/** Whether it is the shell that guards the children of an actor: one beside each actor that has any. */
export function isGuard({ commandLine }: ProcessEntry): boolean {
  return commandLine.includes("espalier-guard");
}
