/**
 * A program that is none of ours, as a process group of its own: ended as a whole, with all that it has started and that
 * has stayed in its group, also when this process is killed.
 */
import type { ChildProcess, StdioOptions } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { Operation } from "effection";
import { isCancelled } from "../errors/mod.ts";
import { childProcesses } from "../node-modules.ts";
import { Deferred } from "../sc/deferred.ts";
import { sleep } from "../sc/sleep.ts";
import { moveOnAfter } from "../sc/timeouts.ts";
import { GROUP_LOOK_MS, KILL_TIMEOUT_MS } from "./limits.ts";
import { orphanGuard } from "./orphan-guard.ts";
import type { ExitStatus } from "./spawn-backend.ts";
import { TREE_VARIABLE, treeMark } from "./tree-mark.ts";

export interface GroupOptions {
  readonly cwd: string | undefined;
  /** Set beside what this process has; undefined takes a variable away. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdio: StdioOptions;
}

/** @internal */
export class ProcessGroup {
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** How the program itself has ended; rejected if it could not be started. */
  readonly exited: Deferred<ExitStatus>;
  readonly #child: ChildProcess;
  #unguard: (() => void) | undefined;

  constructor(command: string, args: readonly string[], { cwd, env, stdio }: GroupOptions) {
    const guarded = orphanGuard.isAvailable;
    const child = childProcesses().spawn(command, args, {
      cwd,
      env: { ...process.env, ...env, [TREE_VARIABLE]: treeMark() },
      stdio,
      detached: true,
    });
    if (guarded && child.pid !== undefined) this.#unguard = orphanGuard.watchGroup(child.pid);
    this.#child = child;
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    this.stderr = child.stderr;
    this.exited = new Deferred(`exit of ${command} (pid ${child.pid ?? "none"})`, true);
    child.on("error", (error) => this.exited.reject(error));
    child.on("exit", (exitCode, signal) => this.exited.resolve({ exitCode, signal }));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** To the program alone. Says whether there was one to take it. */
  signal(signal: NodeJS.Signals): boolean {
    return this.exited.result === undefined && this.#child.kill(signal);
  }

  /**
   * End what there is of the group: SIGTERM, a bounded wait, SIGKILL, waited for. To be run in a shield.
   *
   * @param onSignal - told of each signal that is sent
   * @returns whether all of it has gone
   */
  *end(graceMs: number, onSignal: (signal: NodeJS.Signals) => void): Operation<boolean> {
    for (const [signal, ms] of [
      ["SIGTERM", graceMs],
      ["SIGKILL", KILL_TIMEOUT_MS],
    ] as const) {
      if (this.#hasGone()) break;
      onSignal(signal);
      this.#signalAll(signal);
      yield* moveOnAfter(ms, () => this.#gone());
    }
    const isGone = this.#hasGone();
    if (isGone) this.#unguard?.();
    return isGone;
  }

  *#gone(): Operation<void> {
    try {
      yield* this.exited.wait();
    } catch (error) {
      if (isCancelled(error)) throw error;
      // It was never started.
    }
    while (!this.#hasGone()) yield* sleep(GROUP_LOOK_MS);
  }

  #hasGone(): boolean {
    const { pid } = this;
    return pid === undefined || (this.exited.result !== undefined && !groupLives(pid));
  }

  #signalAll(signal: NodeJS.Signals): void {
    try {
      if (this.pid !== undefined) process.kill(-this.pid, signal);
    } catch (error) {
      if (!isGoneError(error)) throw error;
    }
  }
}

/**
 * Whether a process of the group lives. A group keeps its number from being given to others while it has any. Members that
 * have ended and that nobody waits for do not count, where the platform tells.
 */
function groupLives(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch (error) {
    if (isGoneError(error)) return false;
    // EPERM: there are some, of another user.
  }
  return livingMembers(group) ?? true;
}

function livingMembers(group: number): boolean | undefined {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return undefined; // not Linux
  }
  return names.some((name) => /^\d+$/.test(name) && isLivingMember(name, group));
}

function isLivingMember(pid: string, group: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // [ pid (name) state parent group … ]: the name may hold spaces and parentheses, so count from its last one.
    const [state, , found] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(found) === group && state !== "Z" && state !== "X";
  } catch {
    return false; // gone meanwhile
  }
}

function isGoneError(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ESRCH";
}
