/**
 * Programs as a user runs them: a real Node process with its loader, output and signals. Each carries a mark of its
 * own, so that everything it started can be found after its end, whoever that hangs from by then.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { GONE_WITHIN_MS, kill, testMark, waitUntilNoneMarked } from "./census.ts";
import { MARK_VARIABLE, type ProcessEntry, processesMarked } from "./process-table.ts";

/** The repository; relative program paths and the default working directory are meant from here. */
export const repositoryRoot = fileURLToPath(new URL("../../", import.meta.url));

/** A busy machine takes seconds to start a TypeScript program; this is ten times that. */
const OUTPUT_WITHIN_MS = 15_000;

export interface ProgramOptions {
  readonly args?: readonly string[];
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Flags for Node, before the program. Default for `.ts`: tsx; else none. Ours is what is compiled. */
  readonly execArgv?: readonly string[];
  /** A command that runs the one that follows, as `nsenter` does. */
  readonly launcher?: readonly string[];
  /** Give it a process group of its own, so that `interrupt` reaches the whole group, as a terminal's Ctrl-C does. */
  readonly ownGroup?: boolean;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From its end until the last process it had started was gone, in milliseconds. */
  readonly goneAfterMs: number;
}

export interface Program {
  readonly pid: number;
  readonly mark: string;
  /** What it has printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** It and everything it has started that still lives. */
  processes(): ProcessEntry[];
  /**
   * Wait until its output, from the beginning, has `pattern`.
   *
   * @throws Error with all the output, if it ends without or `withinMs` is over
   */
  outputHas(pattern: RegExp, options?: { stream?: "stdout" | "stderr"; withinMs?: number }): Promise<RegExpMatchArray>;
  /** Send a signal to the program alone. */
  signal(signal: NodeJS.Signals): void;
  /** Ctrl-C in a terminal: SIGINT for the whole group. Needs `ownGroup`. */
  interrupt(): void;
  write(text: string): void;
  endInput(): void;
  /**
   * Wait until it has ended, and all that it had started with it.
   *
   * @param withinMs - for the program to end; after that it is killed and this throws
   * @param goneWithinMs - for its descendants to end after it
   * @throws SomethingLeft if a descendant lives longer
   */
  ended(options?: { withinMs?: number; goneWithinMs?: number }): Promise<ProgramEnd>;
}

let started = 0;

/** Start `file` under Node. Call it inside a test: whatever of it still lives when the test is over is killed. */
export function startProgram(file: string, options: ProgramOptions = {}): Program {
  const program = new RunningProgram(file, options);
  onTestFinished(() => program.killAll());
  return program;
}

/** Run `file` to its end; see `Program.ended`. */
export async function runProgram(file: string, options: ProgramOptions & { withinMs?: number } = {}) {
  const program = startProgram(file, options);
  program.endInput();
  return await program.ended(options.withinMs === undefined ? {} : { withinMs: options.withinMs });
}

class RunningProgram implements Program {
  readonly mark = `${testMark}.p${++started}`;
  stdout = "";
  stderr = "";
  readonly #file: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #closed: Promise<void>;
  #isClosed = false;
  readonly #watchers = new Set<() => void>();

  constructor(file: string, options: ProgramOptions) {
    const { args = [], env = {}, cwd = repositoryRoot, execArgv, launcher = [], ownGroup } = options;
    this.#file = file;
    const node = [process.execPath, ...(execArgv ?? defaultExecArgv(file)), file, ...args];
    const [command = "", ...rest] = [...launcher, ...node];
    const child = spawn(command, rest, {
      cwd,
      env: { ...process.env, ...env, [MARK_VARIABLE]: this.mark },
      detached: ownGroup ?? false,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#look();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#look();
    });
    // It may end before it has read all of its input; that is its right.
    child.stdin.on("error", () => {});
    this.#exited = new Promise((resolve, reject) => {
      child.on("error", reject).on("exit", (code, signal) => resolve({ code, signal }));
    });
    this.#exited.catch(() => {}); // observed by `ended`
    this.#closed = new Promise((resolve) => {
      child.on("close", () => {
        this.#isClosed = true;
        resolve();
        this.#look();
      });
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#file} could not be started`);
    return this.#child.pid;
  }

  processes(): ProcessEntry[] {
    return processesMarked(this.mark);
  }

  outputHas(
    pattern: RegExp,
    { stream = "stdout", withinMs = OUTPUT_WITHIN_MS }: { stream?: "stdout" | "stderr"; withinMs?: number } = {},
  ): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        stop();
        reject(new Error(`${why} without ${stream} having ${pattern}\n${this.#report()}`));
      };
      const look = () => {
        const match = this[stream].match(pattern);
        if (match) {
          stop();
          resolve(match);
        } else if (this.#isClosed) fail(`${this.#file} ended`);
      };
      const timer = setTimeout(() => fail(`${withinMs} ms passed`), withinMs);
      const stop = () => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      this.#watchers.add(look);
      look();
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  interrupt(): void {
    process.kill(-this.pid, "SIGINT");
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  async ended({ withinMs = OUTPUT_WITHIN_MS, goneWithinMs = GONE_WITHIN_MS } = {}): Promise<ProgramEnd> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), withinMs);
    const start = performance.now();
    const { code, signal } = await this.#exited.finally(() => clearTimeout(timer));
    const tookMs = performance.now() - start;
    if (signal === "SIGKILL" && tookMs >= withinMs) {
      throw new Error(`${this.#file} had not ended after ${withinMs} ms\n${this.#report()}`);
    }
    const goneAfterMs = await waitUntilNoneMarked(this.mark, goneWithinMs);
    // With the last process the pipes are closed, so this ends; it only lets the last output arrive.
    await this.#closed;
    return { code, signal, stdout: this.stdout, stderr: this.stderr, goneAfterMs };
  }

  async killAll(): Promise<void> {
    for (const entry of this.processes()) kill(entry, "SIGKILL");
    await waitUntilNoneMarked(this.mark);
  }

  #look(): void {
    for (const look of this.#watchers) look();
  }

  #report(): string {
    return `--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}\n---`;
  }
}

/** tsx by its address, not its name, so that it is found from any working directory. */
function defaultExecArgv(file: string): string[] {
  return file.endsWith(".ts") ? ["--import", import.meta.resolve("tsx")] : [];
}
