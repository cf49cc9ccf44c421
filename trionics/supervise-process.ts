/**
 * External commands under supervision, after tractor's `supervise_run_process` and trio's `run_process`: nothing of a
 * command outlives its block, its output is never lost, and its failure says what it said.
 */
import type { Operation, Result } from "effection";
import {
  CancelScope,
  EndOfChannel,
  ExceptionGroup,
  type ExitStatus,
  logHere,
  moveOnAfter,
  type Nursery,
  named,
  openNursery,
  park,
  shielded,
  type TaskStatus,
} from "../core/mod.ts";
import { type Command, RunningCommand } from "./command.ts";
import { type CommandOptions, type CommandPlan, planOf } from "./command-options.ts";
import { type CommandFailed, CommandLeftBehind } from "./errors.ts";
import { BROKEN_INPUT_MS, RELAY_DRAIN_MS, UNREAD_GRACE_MS } from "./limits.ts";
import type { LineStream } from "./line-stream.ts";
import { holdsCancelled, throwAll } from "./outcome.ts";

/**
 * Run a command, and `body` with it; without a body, wait for its end. It is a process group of its own, and all of that
 * is ended with it: also what it has started itself, and also when this process is killed.
 *
 * ```ts
 * yield* superviseProcess("make", ["all"]); // its output goes to the log
 * yield* superviseProcess("tail", ["-f", file], { stdout: "read" }, function* (tail) {
 *   for (const line of yield* each(tail.stdout)) { …; yield* each.next(); }
 * });
 * ```
 *
 * - A body that returns closes the command's stdin, and the block waits for its end; `command.cancel()` ends it before.
 * - A body that fails or is cancelled has it ended: SIGTERM to the group, a bounded wait, SIGKILL, waited for.
 * - A command that fails cancels the body. Where its output is read, what came before is read first.
 * - A command that ends with 0 leaves the body alone. What it leaves behind in its group is ended.
 *
 * @param command - a file, or a name to be found in PATH; no shell is asked
 * @returns what `body` returned, or how the command ended
 * @throws CommandStartError if it cannot be started; CommandFailed if it fails, unless `check` is false
 * @throws whatever `body` throws; ExceptionGroup if both failed
 * @throws CommandLeftBehind if SIGKILL did not end it
 * @throws TypeError or RangeError for an option that is not as it should be
 */
export function superviseProcess(
  command: string,
  args?: readonly string[],
  options?: CommandOptions,
): Operation<ExitStatus>;
export function superviseProcess<T>(
  command: string,
  args: readonly string[],
  body: (command: Command<{ readonly stdin: "ignore" }>) => Operation<T>,
): Operation<T>;
export function superviseProcess<const O extends CommandOptions, T>(
  command: string,
  args: readonly string[],
  options: O,
  body: (command: Command<O>) => Operation<T>,
): Operation<T>;
export function* superviseProcess(
  command: string,
  args: readonly string[] = [],
  ...rest: readonly unknown[]
): Operation<unknown> {
  const [options, body] = typeof rest[0] === "function" ? [{}, rest[0]] : [rest[0] ?? {}, rest[1] ?? untilExit];
  if (typeof options !== "object" || typeof body !== "function") {
    throw new TypeError(
      "superviseProcess(command, args, options, body): options are an object, the body is a function",
    );
  }
  const plan = planOf(command, args, options as CommandOptions);
  return yield* new Supervision(plan, body as (command: Command) => Operation<unknown>).run();
}

function untilExit(command: Command): Operation<ExitStatus> {
  return command.waitForExit();
}

class Supervision<T> {
  readonly #plan: CommandPlan;
  readonly #body: (command: Command) => Operation<T>;
  /** Around the body: cancelled when the command fails. */
  readonly #scope = new CancelScope();
  /** Around what passes its output on, also while it is being ended. */
  readonly #relays = new CancelScope({ shield: true });
  #outcome: Result<T> | undefined;
  #failure: CommandFailed | CommandLeftBehind | undefined;
  #command: RunningCommand | undefined;

  constructor(plan: CommandPlan, body: (command: Command) => Operation<T>) {
    this.#plan = plan;
    this.#body = body;
  }

  *run(): Operation<T> {
    const unwound: unknown[] = [];
    const supervision = this;
    try {
      yield* openNursery(
        function* (nursery) {
          try {
            const keep = named(supervision.#plan.command, (status: TaskStatus<RunningCommand>) =>
              supervision.#keep(status, nursery),
            );
            yield* supervision.#runBody(yield* nursery.start(keep));
          } catch (error) {
            if (holdsCancelled(error)) throw error;
            supervision.#outcome = { ok: false, error: error as Error };
          }
        },
        { name: `command ${this.#plan.command}` },
      );
    } catch (error) {
      unwound.push(error);
    }
    return this.#conclude(unwound);
  }

  *#runBody(command: RunningCommand): Operation<void> {
    const supervision = this;
    try {
      yield* this.#scope.run(function* () {
        supervision.#outcome = { ok: true, value: yield* supervision.#body(command) };
      });
    } catch (error) {
      // The input breaks a moment before the command has ended; how that ends says more.
      if (command.isEcho(error)) yield* moveOnAfter(BROKEN_INPUT_MS, () => command.group.exited.wait());
      throw error;
    } finally {
      if (this.#outcome === undefined) command.cancel("its block has failed");
      command.leave();
    }
  }

  /** The task that owns the processes: from their start until none is left. */
  *#keep(status: TaskStatus<RunningCommand>, nursery: Nursery): Operation<void> {
    const command = new RunningCommand(this.#plan);
    yield* command.begin();
    this.#command = command;
    nursery.startSoon(named(`output of ${this.#plan.command}`, () => this.#relay(command)));
    status.started(command);
    try {
      yield* command.wanted.run(() => command.group.exited.wait());
    } finally {
      yield* shielded(() => this.#end(command));
    }
    if (this.#failure === undefined || command.left.isSet) return;
    yield* this.#untilUnread(command);
    this.#scope.cancel(this.#failure.message);
  }

  *#end(command: RunningCommand): Operation<void> {
    const wasEnded = command.group.exited.result === undefined;
    const isGone = yield* command.group.end(this.#plan.graceMs, () => {});
    for (const stream of command.read) stream.final();
    for (const [, stream] of command.relayed) stream.final();
    // So that its last words are in the error, and in the log.
    yield* moveOnAfter(RELAY_DRAIN_MS, function* () {
      for (const [, stream] of command.relayed) yield* stream.ended.wait();
    });
    this.#relays.cancel("the command has ended");
    const { result } = command.group.exited;
    const exit: ExitStatus = result?.ok ? result.value : { exitCode: null, signal: null };
    if (!isGone) this.#failure = new CommandLeftBehind(this.#plan.command, command.pid);
    else if (!wasEnded && this.#plan.check && exit.exitCode !== 0) this.#failure = command.failure(exit);
    command.conclude(exit, this.#failure);
  }

  /** Wait until the block is left, or takes nothing more of what was said before the failure. */
  *#untilUnread(command: RunningCommand): Operation<void> {
    if (command.read.length === 0) return;
    for (let before = -1; command.taken !== before && !command.left.isSet; ) {
      before = command.taken;
      yield* moveOnAfter(UNREAD_GRACE_MS, () => command.left.wait());
    }
  }

  *#relay(command: RunningCommand): Operation<void> {
    const { plan } = command;
    yield* this.#relays.run(() =>
      openNursery(
        function* (nursery) {
          for (const [name, stream] of command.relayed) {
            stream.conclude(() => undefined);
            nursery.startSoon(named(name, passOn), stream, plan, name);
          }
        },
        { name: "output" },
      ),
    );
  }

  /** @param unwound - what came out of the nursery: a cancellation, and what went wrong on its way */
  #conclude(unwound: readonly unknown[]): T {
    const outcome = this.#outcome;
    const failure = this.#failure;
    const errors = [...unwound];
    if (failure !== undefined && !errors.includes(failure)) errors.unshift(failure);
    if (outcome?.ok === false && outcome.error !== failure) {
      const holdsFailure = outcome.error instanceof ExceptionGroup && outcome.error.leaves().includes(failure);
      if (holdsFailure) errors.splice(errors.indexOf(failure), 1, outcome.error);
      else if (failure === undefined || !this.#command?.isEcho(outcome.error)) errors.unshift(outcome.error);
    }
    throwAll(`command ${this.#plan.command} and its block failed`, errors);
    return (outcome as Result<T> & { readonly ok: true }).value;
  }
}

function* passOn(stream: LineStream, plan: CommandPlan, name: "stdout" | "stderr"): Operation<void> {
  const isLogged = plan[name] === "log";
  try {
    for (;;) {
      const line = yield* stream.receive();
      if (!isLogged) continue;
      const log = logHere({ task: plan.command });
      if (log === undefined) yield* print(process[name], line);
      else if (name === "stdout") log.info(line);
      else log.warn(line);
    }
  } catch (error) {
    if (!(error instanceof EndOfChannel)) throw error;
  }
}

/** Where there is no log: on, as fast as the terminal or pipe takes it. */
function* print(to: NodeJS.WriteStream, line: string): Operation<void> {
  if (to.write(`${line}\n`)) return;
  yield* park<void>(
    "this process's own output to be read",
    ({ wake }) => {
      const onDrain = () => {
        to.off("drain", onDrain);
        wake();
      };
      to.on("drain", onDrain);
      return () => {
        to.off("drain", onDrain);
        return true;
      };
    },
    { byHost: true },
  );
}
