/**
 * A task: one generator, stepped by our own run queue. It speaks Effection's `Effect`/`Coroutine` protocol, so that
 * every Effection operation runs in it unchanged; this is the only module that knows what an effect expects of the
 * `routine` it is given (pinned by `tests/sc/effection-contract.test.ts`).
 *
 * Cancellation is delivered in one place, `#perform`, by one rule: an operation either happened or was cancelled, never
 * both. A wait that has settled cannot be cancelled; one that blocks in a cancelled scope is undone, and a `Cancelled`
 * is thrown where it stands.
 */
import { AsyncResource } from "node:async_hooks";
import {
  type Effect,
  type Task as EffectionTask,
  type Operation,
  type Result,
  type Scope,
  scoped,
  suspend,
  useScope,
} from "effection";
import type { Cancelled } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { reportWarning } from "../warnings.ts";
import type { CancelStatus, CancelTarget } from "./cancel-tree.ts";
import { type Clock, ClockContext } from "./clock.ts";
import { instrument } from "./instrument.ts";
import { type Runnable, runQueue } from "./run-queue.ts";
import { type Exit, err, NO_EXIT, OK, ok, type Resolve, type Routine, StackProbe, Wait } from "./wait.ts";

/** Whoever answers for a task: hears of its end, exactly once. A nursery, or the border to a foreign world. */
export interface TaskOwner {
  childDone(task: Task, outcome: Result<unknown>): void;
}

/** Where a task's Effection contexts come from: the scope of whoever opened its nursery, asked for when needed. */
export type Home = () => Scope;

/** Cancellations a task may swallow in a row before they come by macrotask, so that `catch {}` cannot spin the loop. */
const MAX_SWALLOWED = 64;

/** Prompt waits that a task may take in place before the others have their turn; each takes well under a microsecond. */
const MAX_IN_PLACE = 64;

/** We never emit `destroy`: without this each task would cost a finalizer. */
const MANUAL_DESTROY = { requireManualDestroy: true };

let running: Task | undefined;
let lastId = 0;

/** The task whose code is on the stack, as far as a plain call can tell; `useTask` knows exactly. */
export function runningTask(): Task | undefined {
  return running;
}

export class Task implements CancelTarget, Runnable {
  readonly id = ++lastId;
  readonly name: string;
  /** What its waits and its deadlines go by; tasks it starts inherit it. Replaced by tests only. */
  clock: Clock;
  readonly home: Home;
  owner: TaskOwner;
  /** The innermost cancel scope this task stands in. */
  status: CancelStatus;
  enqueued = false;
  /** Effection's own clean-up is running, in which nothing may be interrupted. Effects set it through `data`. */
  critical = false;
  readonly nurseries: { readonly children: Iterable<Task>; readonly name: string }[] = [];

  #body: () => Operation<unknown>;
  #iterator: Iterator<Effect<unknown>, unknown, unknown> | undefined;
  #resumeWith: Result<unknown> = OK;
  /** Prompt waits since its turn began. */
  #inPlace = 0;
  /** Return-mode, asked for by a foreign effect: the next step is `iterator.return()`. */
  #unwinding = false;
  #resolver: Resolve<unknown> | undefined;
  #stepping = false;
  #entering = false;
  #early: Result<unknown> | undefined;
  #exit: Exit = NO_EXIT;
  #blockedOn: Effect<unknown> | undefined;
  #interruptible = false;
  #onAbort: (() => boolean) | undefined;
  #swallowed = 0;
  #warned = false;
  #scope: Scope | undefined;
  #ownScope: Scope | undefined;
  /** The Effection task that keeps `#ownScope`: halting it ends what was started there. */
  #keeper: EffectionTask<void> | undefined;
  /** What failed in Effection's tree below this task: a task that nobody waits for, or a teardown. */
  #failedBelow: { readonly error: unknown } | undefined;
  #outcome: Result<unknown> | undefined;
  #done = false;
  /** The async context of whoever spawned it, so that `AsyncLocalStorage` follows the task and not its wakers. */
  readonly #context = new AsyncResource("espalier.task", MANUAL_DESTROY);

  constructor(
    name: string,
    body: () => Operation<unknown>,
    owner: TaskOwner,
    status: CancelStatus,
    clock: Clock,
    home: Home,
  ) {
    this.name = name;
    this.#body = body;
    this.owner = owner;
    this.status = status;
    this.clock = clock;
    this.home = home;
    status.enter(this);
    runQueue.schedule(this);
  }

  /** `routine` as one of our tasks, or undefined for a foreign coroutine. */
  static of(routine: Routine): Task | undefined {
    const it: unknown = routine;
    return it instanceof Task ? it : undefined;
  }

  // ------------------------------------------------------------------------------------ what effects of Effection use

  /** Our own scope in Effection's tree, made when something asks for it and destroyed before this task has ended. */
  get scope(): Scope {
    if (this.#scope === undefined) {
      const home = this.home();
      let scope: Scope | undefined;
      // Not `createScope` alone: its teardown runs as a task of `home`, and would fail all of that.
      this.#keeper = home.run(() =>
        keepScope(
          (own) => {
            scope = own;
          },
          (error) => this.#failBelow(error),
        ),
      );
      // Effection runs a new task at once, unless it is on the stack itself, where no task of ours ever steps.
      if (scope === undefined) throw new Error("the scope of a task was asked for amid a step of Effection's own");
      this.#scope = scope;
      this.#ownScope = scope;
    }
    return this.#scope;
  }

  set scope(scope: Scope) {
    this.#scope = scope;
  }

  get data(): this {
    return this;
  }

  unwind(): void {
    if (this.#done) return;
    this.#unwinding = true;
    // Amid a step there is nothing to undo yet: `#perform` looks again when the next effect has been entered.
    if (!this.critical && !this.#stepping) this.resume(OK);
  }

  resume(result: Result<unknown>): void {
    this.#resolver = undefined;
    if (this.#entering) {
      this.#early ??= result;
      return;
    }
    const exit = this.#exit;
    this.#unblock();
    if (exit === NO_EXIT) {
      this.#resumeWith = result;
      runQueue.schedule(this);
      return;
    }
    const done = (undone: Result<void>) => {
      this.#resumeWith = undone.ok ? result : undone;
      runQueue.schedule(this);
    };
    try {
      exit(done);
    } catch (error) {
      done(err(error));
    }
  }

  // ------------------------------------------------------------------------------------------------- what scopes use

  /** The Effection scope it stands in now, without making one. */
  get scopeNow(): Scope | undefined {
    return this.#scope;
  }

  /** The outermost Effection scope of this task, or where it would be made. */
  get homeNow(): Scope {
    return this.#ownScope ?? this.home();
  }

  moveTo(status: CancelStatus): void {
    this.status.leave(this);
    this.status = status;
    status.enter(this);
    if (!status.effective) this.#swallowed = 0;
  }

  /** Whether this task may take one more prompt wait in place: not too many in a row, and none that would be cancelled. */
  mayGoOn(): boolean {
    if (this.#inPlace >= MAX_IN_PLACE || this.isCancelled) return false;
    this.#inPlace++;
    return true;
  }

  /** Whether a cancellation is in effect here, deadlines that passed while this task kept the thread included. */
  get isCancelled(): boolean {
    const { status } = this;
    if (!status.effective && status.effectiveDeadline < Number.POSITIVE_INFINITY) {
      const now = this.clock.now();
      if (status.effectiveDeadline <= now) status.expire(now);
    }
    return status.effective;
  }

  deliverCancel(): void {
    if (this.#interruptible && this.status.effective && !this.critical) this.#abort();
  }

  /**
   * Let the present wait decide about cancellation itself: `hook` is called when one is to be delivered; if it returns
   * false the wait goes on, and whoever woke it later decides how it came out. Forgotten when the wait settles.
   */
  onAbort(hook: () => boolean): void {
    this.#onAbort = hook;
  }

  // ------------------------------------------------------------------------------------------------ what dumps use

  get state(): "ready" | "running" | "waiting" | "done" {
    if (this === running) return "running";
    if (this.#done) return "done";
    return this.#blockedOn === undefined ? "ready" : "waiting";
  }

  get waitsFor(): string | undefined {
    return this.#blockedOn?.description;
  }

  /** The `yield*` stack of a task suspended in one of our waits, as `Error.stack` would show it; else undefined. */
  stack(): string | undefined {
    if (!(this.#blockedOn instanceof Wait) || this.enqueued || running === this) return undefined;
    const probe = new StackProbe();
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 200;
    try {
      this.#iterator?.next(probe);
      return probe.stack;
    } finally {
      Error.stackTraceLimit = limit;
    }
  }

  // --------------------------------------------------------------------------------------------------------- stepping

  run(): void {
    const outer = running;
    running = this;
    instrument?.taskScheduled?.(this);
    try {
      this.#context.runInAsyncScope(turnOf, undefined, this);
    } finally {
      running = outer;
    }
  }

  /** @internal One step of the body, and entering the effect it yields; called in the task's own async context. */
  turn(): void {
    let step: IteratorResult<Effect<unknown>, unknown>;
    this.#stepping = true;
    this.#inPlace = 0;
    try {
      step = this.#step();
    } catch (error) {
      this.#stepping = false;
      this.#end(err(error));
      return;
    }
    this.#stepping = false;
    if (step.done === true) this.#end(ok(step.value));
    else this.#perform(step.value);
  }

  #step(): IteratorResult<Effect<unknown>, unknown> {
    this.#iterator ??= this.#body()[Symbol.iterator]();
    const iterator = this.#iterator;
    const result = this.#resumeWith;
    this.#resumeWith = OK;
    let step: IteratorResult<Effect<unknown>, unknown>;
    if (!result.ok) {
      this.#unwinding = false;
      const error = thrownBy(result);
      if (iterator.throw === undefined) throw error;
      step = iterator.throw(error);
    } else if (this.#unwinding && !this.critical) {
      this.#unwinding = false;
      step = iterator.return?.() ?? { done: true, value: undefined };
    } else {
      step = iterator.next(result.value);
    }
    while (step.done !== true && step.value === USE_TASK) step = iterator.next(this);
    return step;
  }

  #perform(effect: Effect<unknown>): void {
    const own = effect instanceof Wait;
    const cancellable = !this.critical && (!own || effect.cancellable);
    if (own && cancellable && this.isCancelled) return this.#throwCancelled(this.status.cancelledError(), effect);

    const resolve: Resolve<unknown> = (result) => {
      if (this.#resolver === resolve) this.resume(result);
    };
    this.#resolver = resolve;
    this.#entering = true;
    let exit: Exit;
    try {
      exit = effect.enter(resolve, this.#asRoutine());
    } catch (error) {
      exit = NO_EXIT;
      if (this.#resolver === resolve) resolve(err(error));
    }
    this.#entering = false;
    this.#exit = exit;
    if (this.#early !== undefined) {
      // It completed at once: not a place where it can be cancelled. Effection forgets the undo here; we do not.
      const early = this.#early;
      this.#early = undefined;
      return this.resume(early);
    }
    this.#blockedOn = effect;
    if (!own || effect.byHost) this.clock.hostWait?.(1);
    instrument?.taskBlocked?.(this, effect.description);
    if (this.#unwinding && !this.critical) return this.resume(OK);
    if (!cancellable) return;
    this.#interruptible = true;
    // What `isCancelled` finds out may have been delivered by the time it says so.
    if (this.isCancelled && this.#interruptible) this.#abort();
  }

  #abort(): void {
    // Before the hook, which may change what is in effect here.
    const cancelled = this.status.cancelledError();
    let given: boolean;
    try {
      given = this.#onAbort === undefined || this.#onAbort();
    } catch (error) {
      // Not the canceller's affair, nor that of the other tasks it cancels: the wait has failed.
      this.resume(err(error));
      return;
    }
    // A hook that has woken the task itself: the wait has happened.
    if (!this.#interruptible) return;
    if (given) this.#throwCancelled(cancelled);
    else this.#interruptible = false;
  }

  /** @param refused - the effect that was not even entered, if it was the arrival there that found the cancellation */
  #throwCancelled(cancelled: Cancelled, refused?: Effect<unknown>): void {
    if (++this.#swallowed <= MAX_SWALLOWED) return this.resume(err(cancelled));
    if (!this.#warned) {
      this.#warned = true;
      reportWarning({
        type: "CancelledSwallowed",
        message: `task "${this.name}" has swallowed ${MAX_SWALLOWED} cancellations; a catch that takes everything must rethrow what isCancelled(error) recognises`,
        detail: cancelled.message,
      });
    }
    // The wait stays in force meanwhile: should it settle first, it has happened, and the next one is cancelled.
    this.#interruptible = false;
    this.#resolver ??= (result) => this.resume(result);
    const resolver = this.#resolver;
    setImmediate(() => {
      if (this.#resolver !== resolver) return;
      if (refused !== undefined && !this.isCancelled) this.#perform(refused);
      else resolver(err(cancelled));
    });
  }

  #unblock(): void {
    const effect = this.#blockedOn;
    if (effect !== undefined && (!(effect instanceof Wait) || effect.byHost)) this.clock.hostWait?.(-1);
    this.#blockedOn = undefined;
    this.#exit = NO_EXIT;
    this.#interruptible = false;
    this.#onAbort = undefined;
  }

  #end(outcome: Result<unknown>): void {
    if (this.#keeper !== undefined) {
      // What the body left in Effection's tree ends before the task does; nothing may interrupt that.
      const keeper = this.#keeper;
      this.#keeper = undefined;
      this.#outcome = outcome;
      this.critical = true;
      this.#iterator = keeper.halt()[Symbol.iterator]();
      this.#resumeWith = OK;
      runQueue.schedule(this);
      return;
    }
    this.#outcome ??= outcome;
    if (this.#failedBelow !== undefined) this.#outcome = alsoFailed(this.#outcome, this.#failedBelow.error);
    this.#done = true;
    this.status.leave(this);
    instrument?.taskExited?.(this);
    this.owner.childDone(this, this.#outcome);
  }

  #failBelow(error: unknown): void {
    this.#failedBelow ??= { error };
    // Not the teardown at the end but a task that failed before: this one cannot go on, as in Effection.
    if (this.#outcome === undefined) this.unwind();
  }

  /** An effect sees `scope`, `data`, `resume` and `unwind` of its routine; the rest of the type it does not touch. */
  #asRoutine(): Routine {
    return this as unknown as Routine;
  }
}

const turnOf = (task: Task): void => task.turn();

/** What was really thrown: Effection boxes what is no error on its way, and the box may be another copy's. */
function thrownBy({ error }: { readonly error: Error }): unknown {
  return error instanceof Error && error.name === "ThrownValueError" && "cause" in error ? error.cause : error;
}

/** Keeps a scope of Effection's, from where nothing fails but what `failed` is told. */
function* keepScope(made: (scope: Scope) => void, failed: (error: unknown) => void): Operation<void> {
  try {
    yield* scoped(function* () {
      made(yield* useScope());
      yield* suspend();
    });
  } catch (error) {
    failed(error);
  }
}

function alsoFailed(body: Result<unknown>, error: unknown): Result<unknown> {
  if (body.ok) return err(error);
  return err(new ExceptionGroup("a task and what it kept in Effection's tree failed", [body.error, error]));
}

class UseTask extends Wait<Task | undefined> {
  readonly description = "useTask()";
  enter(resolve: Resolve<Task | undefined>, routine: Routine): Exit {
    resolve(ok(Task.of(routine)));
    return NO_EXIT;
  }
}

const USE_TASK = new UseTask();

/** Gives the task this is performed in, at no cost and without a step; undefined in a foreign Effection task. */
export function useTask(): Operation<Task | undefined> {
  return USE_TASK;
}

/** The clock that a wait performed by `routine` goes by. */
export function clockOf(routine: Routine): Clock {
  return Task.of(routine)?.clock ?? routine.scope.expect(ClockContext);
}
