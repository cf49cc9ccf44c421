/**
 * The nursery, after trio's: the one place where tasks are started. It does not end before all of them have; one that
 * fails cancels the rest; every error comes out, in one group.
 */
import type { Operation, Result, Scope } from "effection";
import { Cancelled } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { enterTree } from "./bridge.ts";
import { CancelScope } from "./cancel-scope.ts";
import type { CancelStatus } from "./cancel-tree.ts";
import { instrument } from "./instrument.ts";
import { checkpointIfCancelled } from "./sleep.ts";
import { Task, type TaskOwner, useTask } from "./task.ts";
import { type Exit, NO_EXIT, OK, type Resolve, type Routine, type Steps, Wait } from "./wait.ts";

/** What a task started with `start` calls once it is up. */
export interface TaskStatus<T> {
  /** Hand `value` to whoever waits in `start`, and move this task into the nursery for good. Call it once. */
  started: undefined extends T ? (value?: T) => void : (value: T) => void;
}

export interface NurseryOptions {
  /** For dumps and errors. */
  readonly name?: string;
  /** Milliseconds until the nursery cancels itself. */
  readonly timeout?: number;
  readonly shield?: boolean;
}

/** Give a function the name its task shall have in dumps and errors: `n.startSoon(named("conn 3", serve), socket)`. */
export function named<A extends unknown[], R>(name: string, fn: (...args: A) => R): (...args: A) => R {
  const wrapper = (...args: A): R => fn(...args);
  Object.defineProperty(wrapper, "name", { value: name });
  return wrapper;
}

/**
 * Run `body` with a nursery, and wait for every task started in it. Leaving the block is not a checkpoint.
 *
 * @returns what `body` returned
 * @throws ExceptionGroup with every error of the body and of the tasks; always a group, also for one
 * @throws Cancelled if the nursery was cancelled from further out and nothing else went wrong
 */
export function openNursery<T>(body: (nursery: Nursery) => Operation<T>, options: NurseryOptions = {}): Operation<T> {
  return new NurseryBlock(body, options);
}

export class Nursery implements TaskOwner {
  readonly name: string;
  /** Cancels all tasks of the nursery, and its body. */
  readonly cancelScope: CancelScope;
  readonly #parent: Task;
  readonly #status: CancelStatus;
  readonly #home: Scope | undefined;
  readonly #children = new Set<Task>();
  readonly #errors: unknown[] = [];
  #cancelled: Cancelled | undefined;
  #pendingStarts = 0;
  #bodyDone = false;
  #closed = false;
  #whenEmpty: (() => void) | undefined;

  /** @internal */
  constructor(parent: Task, scope: CancelScope, status: CancelStatus, home: Scope | undefined, name: string) {
    this.#parent = parent;
    this.cancelScope = scope;
    this.#status = status;
    this.#home = home;
    this.name = name;
  }

  /** The task that opened this nursery. */
  get parentTask(): { readonly name: string; readonly id: number } {
    return this.#parent;
  }

  /** The tasks that run in it now. */
  get childTasks(): ReadonlySet<{ readonly name: string; readonly id: number }> {
    return this.#children;
  }

  /** @internal */
  get children(): ReadonlySet<Task> {
    return this.#children;
  }

  /** Whether the block has been left; nothing can be started any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Start `fn(...args)` as a task of this nursery and return at once. Plain and synchronous: callable from any callback.
   * The task always runs to its first checkpoint, even if the nursery is cancelled by then.
   *
   * @throws Error if the nursery has closed
   */
  startSoon<A extends unknown[]>(fn: (...args: A) => Operation<unknown>, ...args: A): void {
    this.#assertOpen(fn.name);
    this.spawn(fn.name || "anonymous", () => fn(...args));
  }

  /**
   * Start `fn(status, ...args)` and wait until it calls `status.started(value)`. Until then the task belongs to this
   * call: if the caller is cancelled so is the task, and if it fails the error is thrown here, not in the nursery.
   *
   * @returns the value given to `started`
   * @throws Error if the task ends without calling `started`, or the nursery has closed
   */
  *start<T, A extends unknown[]>(
    fn: (status: TaskStatus<T>, ...args: A) => Operation<unknown>,
    ...args: A
  ): Operation<T> {
    this.#assertOpen(fn.name);
    const name = fn.name || "anonymous";
    const handshake: { given?: { readonly value: T } } = {};
    this.#pendingStarts++;
    const begin = (antechamber: Nursery): Operation<void> => {
      const started = (value: T) => {
        if (handshake.given !== undefined) throw new Error("started() was called twice");
        handshake.given = { value };
        this.#takeOver(task, antechamber);
      };
      const status = { started: started as TaskStatus<T>["started"] };
      const task = antechamber.spawn(name, () => fn(status, ...args), this);
      return NO_STEPS;
    };
    try {
      yield* openNursery(begin, { name: `start(${name})` });
    } catch (error) {
      throw error instanceof ExceptionGroup && error.errors.length === 1 ? error.errors[0] : error;
    } finally {
      this.#pendingStarts--;
      this.#check();
    }
    if (handshake.given === undefined) {
      // One that is cancelled with its caller may well end so, and then that is what happened.
      yield* checkpointIfCancelled();
      throw new Error(`task "${name}" ended without calling started()`);
    }
    return handshake.given.value;
  }

  /** @internal `destination` is where the task is to live in the end: its resources last as long as that nursery. */
  spawn(name: string, body: () => Operation<unknown>, destination: Nursery = this): Task {
    const task = new Task(name, body, this, this.#status, destination.#parent.clock, () => destination.#homeNow);
    this.#children.add(task);
    instrument?.taskSpawned?.(task, this.#parent);
    return task;
  }

  /** @internal */
  childDone(task: Task, outcome: Result<unknown>): void {
    this.#children.delete(task);
    if (!outcome.ok) this.fail(outcome.error, task.name);
    this.#check();
  }

  /** @internal Keep an error, and cancel the rest. */
  fail(error: unknown, who: string): void {
    if (error instanceof Cancelled && this.#status.effective) {
      this.#cancelled ??= error;
      return;
    }
    this.#errors.push(error instanceof Cancelled ? strayCancelled(error, who) : error);
    this.cancelScope.cancelWith("nursery", `"${who}" failed: ${messageOf(error)}`, error, who);
  }

  /** Take `task` over from the nursery of its `start`, with the scopes and nurseries it has opened meanwhile. */
  #takeOver(task: Task, from: Nursery): void {
    // Ended, or cancelled in the meantime: nothing moves, and the task finds out at its next checkpoint.
    if (from.#closed || from.#status.effective) return;
    if (task.status === from.#status) task.moveTo(this.#status);
    else outermostBelow(from.#status, task.status).moveTo(this.#status);
    from.#children.delete(task);
    this.#children.add(task);
    task.owner = this;
    from.#check();
    // Called from a callback, while the task waits: where it stands now may have been cancelled.
    task.deliverCancel();
  }

  /** @internal */
  bodyEnded(): void {
    this.#bodyDone = true;
    this.#check();
  }

  /** @internal What the block throws, if anything. */
  outcome(): Result<void> {
    if (this.#errors.length === 0) {
      return this.#cancelled === undefined ? OK : { ok: false, error: this.#cancelled };
    }
    const errors = this.#cancelled === undefined ? this.#errors : [...this.#errors, this.#cancelled];
    const count = this.#errors.length;
    const what = `${count === 1 ? "a task" : `${count} tasks`} of nursery "${this.name}" failed`;
    return { ok: false, error: new ExceptionGroup(what, errors) };
  }

  /** @internal */
  onceEmpty(fn: () => void): void {
    this.#whenEmpty = fn;
  }

  get #homeNow(): Scope {
    return this.#home ?? this.#parent.homeNow;
  }

  #check(): void {
    if (this.#closed || !this.#bodyDone || this.#children.size > 0 || this.#pendingStarts > 0) return;
    this.#closed = true;
    this.#whenEmpty?.();
  }

  #assertOpen(what: string): void {
    if (this.#closed) throw new Error(`cannot start "${what || "anonymous"}": nursery "${this.name}" has closed`);
  }
}

/** The scope that `inner` is in and that stands directly under `outer`. */
function outermostBelow(outer: CancelStatus, inner: CancelStatus): CancelStatus {
  let status = inner;
  while (status.parent !== undefined && status.parent !== outer) status = status.parent;
  return status;
}

/** The body of a nursery that was all done before its first step. */
const NO_STEPS: Operation<void> = { *[Symbol.iterator]() {} };

class NurseryBlock<T> implements Operation<T> {
  readonly #body: (nursery: Nursery) => Operation<T>;
  readonly #options: NurseryOptions;

  constructor(body: (nursery: Nursery) => Operation<T>, options: NurseryOptions) {
    this.#body = body;
    this.#options = options;
  }

  *[Symbol.iterator](): Steps<T> {
    const task = yield* useTask();
    if (task === undefined) return yield* enterTree({ name: "openNursery" }, () => this);
    const { name = this.#body.name || task.name, timeout, shield } = this.#options;
    const scope = new CancelScope({
      ...(timeout !== undefined && { timeout }),
      ...(shield !== undefined && { shield }),
    });
    const status = scope.enter(task);
    task.moveTo(status);
    const nursery = new Nursery(task, scope, status, task.scopeNow, name);
    task.nurseries.push(nursery);
    let ended = false;
    try {
      let value: T | undefined;
      try {
        value = yield* this.#body(nursery);
      } catch (error) {
        nursery.fail(error, "the body");
      }
      ended = true;
      nursery.bodyEnded();
      if (!nursery.closed) yield* new Join(nursery);
      const outcome = nursery.outcome();
      if (!outcome.ok) scope.absorb(outcome.error);
      return value as T;
    } finally {
      if (!ended) {
        // A foreign effect unwinds this frame by `return()`: end the tasks, then go on unwinding.
        scope.cancelWith("host", "the frame around the nursery is being unwound");
        nursery.bodyEnded();
        if (!nursery.closed) yield* new Join(nursery);
      }
      task.nurseries.splice(task.nurseries.indexOf(nursery), 1);
      scope.exit(task);
      if (!ended) yield* new GoOnUnwinding();
    }
  }
}

/** Not a cancellation point: whoever wants out cancels the tasks that are waited for. */
class Join extends Wait<void> {
  readonly #nursery: Nursery;
  constructor(nursery: Nursery) {
    super();
    this.#nursery = nursery;
  }
  get description(): string {
    const { name, children } = this.#nursery;
    return `end of nursery "${name}" (${children.size} task${children.size === 1 ? "" : "s"})`;
  }
  override get cancellable(): boolean {
    return false;
  }
  enter(resolve: Resolve<void>): Exit {
    this.#nursery.onceEmpty(() => resolve(OK));
    return NO_EXIT;
  }
}

/** Return-mode is lost where a frame pauses in `finally`; this resumes it, as Effection's own `scoped` does. */
class GoOnUnwinding extends Wait<void> {
  readonly description = "unwinding";
  override get cancellable(): boolean {
    return false;
  }
  enter(_resolve: Resolve<void>, routine: Routine): Exit {
    routine.unwind();
    return NO_EXIT;
  }
}

/** A `Cancelled` that no scope here has caused is an error like any other, and must not be taken for a cancellation. */
function strayCancelled(error: Cancelled, who: string): Error {
  return new Error(`"${who}" threw a Cancelled from elsewhere: ${error.message}`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
