/** One round: its root as a process of its own, what is done to the tree from outside, and what was left of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isGuard, listProcesses, MARK_VARIABLE, type ProcessEntry, processesMarked } from "../support/process-table.ts";
import { LOG_VARIABLE, PLAN_VARIABLE } from "./environment.ts";
import { type Fault, isOutside, type OutsideKind, type Plan } from "./plan.ts";
import { type Entry, RoundLog } from "./round-log.ts";

const ROOT = fileURLToPath(new URL("./root.ts", import.meta.url));

/** The longest round of a healthy tree takes half of that, on a machine with all cores busy. */
const HANG_MS = 60_000;
/** From the end of the root, or of the last pause, until nothing of its tree may be left. */
export const GONE_WITHIN_MS = 5_000;
const POLL_MS = 20;
const MAX_PAUSE_MS = 1_500;
/** Of what the tree prints, the end is kept. */
const TAIL_CHARACTERS = 20_000;

export interface RoundEnd {
  readonly plan: Plan;
  readonly entries: readonly Entry[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  /** Whether the root had to be killed because it did not end. */
  readonly hung: boolean;
  /** Processes that lived on when everything should have been gone; they are killed by now. */
  readonly survivors: readonly ProcessEntry[];
  /** Socket files that were left. */
  readonly sockets: readonly string[];
  readonly tookMs: number;
  /** From the end of the root until nothing was left. */
  readonly goneAfterMs: number;
}

/** @param temp - folder for the temporary files of the tree, in which no socket may be left; kept, as loaders cache there */
export async function runRound(plan: Plan, temp: string): Promise<RoundEnd> {
  const dir = mkdtempSync(join(tmpdir(), "chaos-"));
  try {
    return await new Round(plan, dir, temp).run();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

class Round {
  readonly #plan: Plan;
  readonly #log: RoundLog;
  readonly #dir: string;
  readonly #temp: string;
  readonly #mark: string;
  readonly #pending: Set<Fault>;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #pauses = new Set<Promise<void>>();
  #stderr = "";

  constructor(plan: Plan, dir: string, temp: string) {
    this.#plan = plan;
    this.#dir = dir;
    this.#temp = temp;
    this.#log = new RoundLog(join(dir, "log"));
    // An outer census finds all below.
    this.#mark = [process.env[MARK_VARIABLE], `chaos-${process.pid}-${plan.seed}`].filter(Boolean).join(".");
    this.#pending = new Set(plan.faults.filter(({ kind }) => isOutside(kind)));
  }

  async run(): Promise<RoundEnd> {
    const start = performance.now();
    const watcher = watch(this.#dir, () => this.#look());
    this.#log.add({ what: "spawning", name: this.#plan.root.name, pid: process.pid });
    const root = this.#startRoot();
    const exited = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      root.on("error", reject).on("exit", (code, signal) => resolve([code, signal]));
    });
    const closed = new Promise<void>((resolve) => root.on("close", () => resolve()));
    this.#look();
    let hung = false;
    const giveUp = setTimeout(() => {
      hung = true;
      root.kill("SIGKILL");
    }, HANG_MS);
    const [code, signal] = await exited;
    const ended = performance.now();
    clearTimeout(giveUp);
    watcher.close();
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#pauses);
    const survivors = await this.#whoIsLeft();
    const goneAfterMs = performance.now() - ended;
    for (const { pid } of survivors) send(pid, "SIGKILL");
    await closed;
    return {
      plan: this.#plan,
      entries: this.#log.read(),
      code,
      signal,
      stderr: this.#stderr,
      hung,
      survivors,
      sockets: readdirSync(this.#temp, { recursive: true, withFileTypes: true }).flatMap((entry) =>
        entry.isSocket() ? [join(entry.parentPath, entry.name)] : [],
      ),
      tookMs: performance.now() - start,
      goneAfterMs,
    };
  }

  #startRoot(): ChildProcess {
    const planPath = join(this.#dir, "plan.json");
    writeFileSync(planPath, JSON.stringify(this.#plan));
    const root = spawn(process.execPath, [...process.execArgv, ROOT], {
      env: {
        ...process.env,
        [MARK_VARIABLE]: this.#mark,
        [PLAN_VARIABLE]: planPath,
        [LOG_VARIABLE]: this.#log.path,
        TMPDIR: this.#temp,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    root.stdout.resume();
    root.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-TAIL_CHARACTERS);
    });
    return root;
  }

  /** Something was logged: see whether a fault follows it. */
  #look(): void {
    if (this.#pending.size === 0) return;
    const entries = this.#log.read();
    for (const fault of this.#pending) {
      const { stage, name } = fault.after;
      if (!entries.some((entry) => entry.what === stage && entry.name === name)) continue;
      this.#pending.delete(fault);
      const timer = setTimeout(() => this.#do(fault), fault.delayMs);
      this.#timers.add(timer);
    }
  }

  #do({ kind, target, detail }: Fault): void {
    if (!isOutside(kind)) return;
    const pid = kind === "kill guard" ? guardOf(this.#find(target)) : this.#find(target);
    if (pid === undefined) return;
    this.#log.add({ what: "fault", kind, target });
    if (kind === "pause") this.#pauses.add(pause(pid, detail % MAX_PAUSE_MS));
    else send(pid, kind === "kill guard" ? "SIGKILL" : kind);
  }

  #find(name: string): number | undefined {
    // From its first moment on its command line has the name, later its title.
    const words = name === this.#plan.root.name ? [ROOT, `espalier:${name}`] : [name, `espalier:${name}`];
    const found = processesMarked(this.#mark).find(({ commandLine }) =>
      commandLine.split(" ").some((word) => words.includes(word)),
    );
    return found?.pid;
  }

  async #whoIsLeft(): Promise<ProcessEntry[]> {
    const start = performance.now();
    // Twice: a process that starts another and ends while the table is read can hide both, but not two times.
    for (let timesEmpty = 0; timesEmpty < 2; ) {
      const left = processesMarked(this.#mark);
      if (left.length === 0) {
        timesEmpty++;
        continue;
      }
      timesEmpty = 0;
      if (performance.now() - start >= GONE_WITHIN_MS) return left;
      await sleep(POLL_MS);
    }
    return [];
  }
}

function guardOf(pid: number | undefined): number | undefined {
  return listProcesses().find((entry) => entry.parent === pid && isGuard(entry))?.pid;
}

async function pause(pid: number, ms: number): Promise<void> {
  send(pid, "SIGSTOP");
  await sleep(ms);
  send(pid, "SIGCONT");
}

function send(pid: number, signal: Exclude<OutsideKind, "pause" | "kill guard"> | "SIGSTOP" | "SIGCONT"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
