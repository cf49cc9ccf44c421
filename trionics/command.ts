/** A command that runs, as its block sees it. */
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import type { Operation } from "effection";
import { CancelScope, Deferred, Event, type ExitStatus, ProcessGroup, STDERR_TAIL_BYTES, Tail } from "../core/mod.ts";
import { CommandInput } from "./command-input.ts";
import type { CommandOptions, CommandOutput, CommandPlan } from "./command-options.ts";
import { CommandFailed, CommandStartError } from "./errors.ts";
import { LineStream } from "./line-stream.ts";

type Given<O, K extends string, How extends string, T> = O extends { readonly [P in K]: How } ? T : undefined;

/** What the block of `superviseProcess` is given. */
export interface Command<O extends CommandOptions = CommandOptions> {
  readonly pid: number;
  /** Where `stdin` is `write`. Closed when the block is left. */
  readonly stdin: Given<O, "stdin", "write", CommandInput>;
  /** Its lines, where `stdout` is `read`. */
  readonly stdout: Given<O, "stdout", "read", LineStream>;
  /** Its lines, where `stderr` is `read`. */
  readonly stderr: Given<O, "stderr", "read", LineStream>;
  /** How it has ended, once it has. */
  readonly exit: ExitStatus | undefined;
  /** Wait until it has ended. @throws CommandFailed if it has failed, unless `check` is false */
  waitForExit(): Operation<ExitStatus>;
  /** Send a signal to the command alone, such as SIGHUP. Says whether it was there to take it. */
  signal(signal: NodeJS.Signals): boolean;
  /** End it, and all that it has started: SIGTERM, then SIGKILL. Returns at once; leaving the block waits. No failure. */
  cancel(reason?: string): void;
}

export class RunningCommand implements Command {
  readonly plan: CommandPlan;
  readonly group: ProcessGroup;
  /** Cancelled when somebody here has asked for its end. */
  readonly wanted = new CancelScope();
  /** Set when the block has been left. */
  readonly left = new Event("the block of a command to be left");
  readonly #exit: Deferred<ExitStatus>;
  readonly #input: CommandInput | undefined;
  readonly #outputs: { readonly [K in "stdout" | "stderr"]: LineStream | undefined };
  readonly #tail = new Tail(STDERR_TAIL_BYTES);
  /** Outputs that the block reads, and whose end it has not heard. */
  #openReads: number;

  constructor(plan: CommandPlan) {
    this.plan = plan;
    const { command, args, cwd, env } = plan;
    this.group = new ProcessGroup(command, args, {
      cwd,
      env,
      stdio: [
        plan.stdin === "write" ? "pipe" : plan.stdin,
        plan.stdout === "log" || plan.stdout === "read" ? "pipe" : plan.stdout,
        plan.stderr === "inherit" ? "inherit" : "pipe",
      ],
    });
    this.#exit = new Deferred(`exit of ${command} (pid ${this.group.pid ?? "none"})`, true);
    this.#input = this.group.stdin === null ? undefined : new CommandInput(this.group.stdin, command);
    this.#outputs = {
      stdout: this.#lines("stdout", this.group.stdout),
      stderr: this.#lines("stderr", this.group.stderr),
    };
    this.#openReads = this.read.length;
  }

  get pid(): number {
    return this.group.pid ?? 0;
  }

  get stdin(): undefined {
    return given("stdin", "write", this.plan.stdin, this.#input);
  }

  get stdout(): undefined {
    return given("stdout", "read", this.plan.stdout, this.#outputs.stdout);
  }

  get stderr(): undefined {
    return given("stderr", "read", this.plan.stderr, this.#outputs.stderr);
  }

  get exit(): ExitStatus | undefined {
    const { result } = this.#exit;
    return result?.ok ? result.value : undefined;
  }

  waitForExit(): Operation<ExitStatus> {
    return this.#exit.wait();
  }

  signal(signal: NodeJS.Signals): boolean {
    return this.group.signal(signal);
  }

  cancel(reason = "command.cancel() was called"): void {
    this.wanted.cancel(reason);
  }

  /** @throws CommandStartError if it was not started */
  *begin(): Operation<void> {
    if (this.group.pid !== undefined) return;
    try {
      yield* this.group.exited.wait();
    } catch (cause) {
      throw startError(this.plan, cause);
    }
  }

  /** The outputs that the block reads, and those that are read for it. */
  get read(): readonly LineStream[] {
    return this.#streams((how) => how === "read");
  }

  get relayed(): readonly (readonly ["stdout" | "stderr", LineStream])[] {
    return (["stdout", "stderr"] as const).flatMap((name) => {
      const stream = this.#outputs[name];
      return stream === undefined || this.plan[name] === "read" ? [] : [[name, stream] as const];
    });
  }

  /** How many lines the block has read. */
  get taken(): number {
    return this.read.reduce((sum, stream) => sum + stream.statistics().lines, 0);
  }

  /** Whether `error` says no more than that the command has gone. */
  isEcho(error: unknown): boolean {
    return error !== undefined && error === this.#input?.brokenBy;
  }

  failure(exit: ExitStatus): CommandFailed {
    const { command, args } = this.plan;
    return new CommandFailed(command, args, { pid: this.pid, ...exit, stderrTail: this.#tail.text() });
  }

  /** It has ended; `failure` is what its block is to be told, if anything. */
  conclude(exit: ExitStatus, failure: unknown): void {
    if (failure === undefined) this.#exit.resolve(exit);
    else this.#exit.reject(failure);
    // The later of two ends is the one that tells: what came before the failure is read first.
    for (const stream of this.read) stream.conclude(() => (--this.#openReads === 0 ? failure : undefined));
  }

  /** The block has been left: nobody writes and reads any more. */
  leave(): void {
    this.#input?.close();
    for (const stream of this.read) stream.discard();
    this.left.set();
  }

  #lines(name: "stdout" | "stderr", source: Readable | null): LineStream | undefined {
    if (source === null) return undefined;
    const { command, maxLineBytes, longLines } = this.plan;
    const onChunk = name === "stderr" ? (chunk: Buffer) => this.#tail.push(chunk) : () => {};
    return new LineStream(source, { name: `${name} of ${command}`, maxLineBytes, longLines, onChunk });
  }

  #streams(which: (how: CommandOutput) => boolean): LineStream[] {
    const { stdout, stderr } = this.#outputs;
    return [which(this.plan.stdout) ? stdout : undefined, which(this.plan.stderr) ? stderr : undefined].filter(
      (stream) => stream !== undefined,
    );
  }
}

/** Typed as what it is where nothing was asked for; `Command` tells who did ask. */
function given(name: string, needed: string, how: string, value: unknown): undefined {
  if (how === needed) return value as undefined;
  throw new TypeError(`command.${name} is not for the block to ${needed}, but "${how}": give { ${name}: "${needed}" }`);
}

function startError({ command, cwd }: CommandPlan, cause: unknown): CommandStartError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  // The host names the command whichever path it is that does not exist.
  if (code === "ENOENT" && cwd !== undefined && !existsSync(cwd))
    return new CommandStartError(command, `cwd ${cwd} does not exist`, code, { cause });
  const why =
    code === "ENOENT"
      ? command.includes("/")
        ? "there is no such file"
        : "it was not found in PATH; a shell's own commands and pipes need a shell: sh -c"
      : code === "EACCES"
        ? "it may not be executed"
        : String(cause instanceof Error ? cause.message : cause);
  return new CommandStartError(command, why, code, { cause });
}
