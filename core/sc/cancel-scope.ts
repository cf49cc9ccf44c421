/** The cancel scope that users hold, after trio's: an object first, entered once around a body. */
import type { Operation } from "effection";
import { type CancelCause, Cancelled, type CancelSource, isCancelled } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { enterTree } from "./bridge.ts";
import { CancelStatus, DEADLINE_PASSED } from "./cancel-tree.ts";
import type { Clock, Disarm } from "./clock.ts";
import { runningTask, type Task, useTask } from "./task.ts";
import type { Steps } from "./wait.ts";

export interface CancelScopeOptions {
  /** Milliseconds from the moment the scope is entered; `Infinity` for none. */
  readonly timeout?: number;
  /** A point on the tree's clock (`currentTime()`), in milliseconds; `Infinity` for none. */
  readonly deadline?: number;
  /** Keep cancellations from further out away from the body. */
  readonly shield?: boolean;
}

/**
 * A part of a task's run that can be cancelled on its own. While it is cancelled every wait in it throws `Cancelled`;
 * when that has unwound the body, the scope takes it and `run` returns.
 */
export class CancelScope {
  /** @internal What the work in it is for; to be set before `run`. */
  label: string | undefined;
  #status: CancelStatus | undefined;
  #clock: Clock | undefined;
  #timeout: number;
  #deadline: number;
  #shield: boolean;
  #cause: CancelCause | undefined;
  #caught = false;
  #used = false;
  #disarm: Disarm | undefined;
  #controller: AbortController | undefined;

  /** @throws RangeError if `timeout` is negative or either time is NaN, or both are given */
  constructor(options: CancelScopeOptions = {}) {
    const { timeout = Number.POSITIVE_INFINITY, deadline = Number.POSITIVE_INFINITY, shield = false } = options;
    if (!(timeout >= 0)) throw new RangeError(`timeout must be >= 0 ms, got ${timeout}`);
    if (Number.isNaN(deadline)) throw new RangeError("deadline must be a number of milliseconds, got NaN");
    if (options.timeout !== undefined && options.deadline !== undefined) {
      throw new RangeError(`give timeout or deadline, not both: got timeout ${timeout} and deadline ${deadline}`);
    }
    this.#timeout = timeout;
    this.#deadline = deadline;
    this.#shield = shield;
  }

  /**
   * Run `body` in this scope. Returns its value, or undefined if it was cancelled by this scope (`cancelledCaught`
   * tells the two apart). A scope is entered once.
   *
   * @throws Error if the scope has been entered before
   * @throws whatever `body` throws, less the `Cancelled` that this scope itself caused
   */
  run<T>(body: (scope: CancelScope) => Operation<T>): Operation<T | undefined> {
    return new ScopeRun(this, body);
  }

  /**
   * Cancel the body: it is flagged at once, and its tasks are unwound from where they wait. Plain and synchronous, to be
   * called from anywhere. Before `run` it cancels at the first checkpoint. A second call does nothing.
   */
  cancel(reason = "cancel() was called"): void {
    this.cancelWith("cancel", reason);
  }

  /** @internal As `cancel`, for the parts of the runtime that cancel for another cause. */
  cancelWith(source: CancelSource, reason: string, error?: unknown, canceller = runningTask()?.name): void {
    this.#cancelFor({ source, reason, canceller, error });
  }

  /** Whether this scope has been cancelled: by `cancel`, or by its deadline. */
  get cancelCalled(): boolean {
    if (this.#status !== undefined && this.#clock !== undefined && this.#deadline <= this.#clock.now()) this.#expire();
    return this.#cause !== undefined;
  }

  /** Whether a cancellation by this scope was what ended the body. */
  get cancelledCaught(): boolean {
    return this.#caught;
  }

  /** Why this scope was cancelled, once it has been. */
  get cancelCause(): CancelCause | undefined {
    return this.#cause;
  }

  /** When this scope cancels itself, on the tree's clock; `Infinity` for never. May be set at any time. */
  get deadline(): number {
    return this.#deadline;
  }

  set deadline(time: number) {
    if (Number.isNaN(time)) throw new RangeError("deadline must be a number of milliseconds, got NaN");
    this.#deadline = time;
    this.#timeout = Number.POSITIVE_INFINITY;
    if (this.#status !== undefined) this.#status.deadline = time;
    this.#arm();
  }

  /** Milliseconds left until the deadline, or before `run` those that will be allowed. May be set at any time. */
  get relativeDeadline(): number {
    return this.#clock === undefined ? this.#timeout : this.#deadline - this.#clock.now();
  }

  set relativeDeadline(ms: number) {
    if (!(ms >= 0)) throw new RangeError(`relativeDeadline must be >= 0 ms, got ${ms}`);
    if (this.#clock === undefined) {
      this.#timeout = ms;
      this.#deadline = Number.POSITIVE_INFINITY;
    } else this.deadline = this.#clock.now() + ms;
  }

  /** Whether cancellations from further out are kept away. May be set at any time, also while inside. */
  get shield(): boolean {
    return this.#shield;
  }

  set shield(value: boolean) {
    this.#shield = value;
    if (this.#status !== undefined) this.#status.shield = value;
  }

  /**
   * For Promise code inside: aborted when a cancellation, this scope's or one from further out, takes effect here, with
   * the `Cancelled` as its reason. Never aborted by leaving in good order.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#status !== undefined) this.#linkSignal(this.#status);
      else if (this.#used && this.#cause !== undefined) this.#controller.abort(new Cancelled(this.#cause));
    }
    return this.#controller.signal;
  }

  /** @internal */
  enter(task: Task): CancelStatus {
    if (this.#used) throw new Error("a CancelScope is entered once; make a new one for each run");
    this.#used = true;
    this.#clock = task.clock;
    if (this.#timeout < Number.POSITIVE_INFINITY) this.#deadline = task.clock.now() + this.#timeout;
    const status = new CancelStatus(task.status, this.#shield, this.#deadline);
    this.#status = status;
    status.label = this.label;
    status.scope = this;
    if (this.#cause !== undefined) status.cancel(this.#cause);
    else this.#arm();
    if (this.#controller !== undefined) this.#linkSignal(status);
    return status;
  }

  /** @internal Its status has been cancelled. */
  cancelled(cause: CancelCause): void {
    this.#cause ??= cause;
    this.#disarm?.();
  }

  /** @internal Move `task`, which entered this scope, out of it, and take the scope out of the tree. */
  exit(task: Task): void {
    const status = this.#status as CancelStatus;
    // Ask now, not on entry: `started()` may have moved this scope, with its task, into another nursery.
    task.moveTo(status.parent as CancelStatus);
    this.#disarm?.();
    this.#disarm = undefined;
    status.close();
    this.#status = undefined;
  }

  /**
   * @internal Take from `error` the `Cancelled`s that are this scope's own; throw the rest. They are its own if it is
   * cancelled and no cancellation from further out is: that one has further to unwind.
   */
  absorb(error: unknown): void {
    const status = this.#status;
    if (status === undefined || !status.effective || status.parentVisible) throw error;
    if (isCancelled(error)) {
      this.#caught = true;
      return;
    }
    if (!(error instanceof ExceptionGroup) || !error.holdsCancelled) throw error;
    this.#caught = true;
    const rest = error.split(isCancelled)[1];
    if (rest !== null) throw rest;
  }

  #arm(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    if (this.#clock === undefined || this.#status === undefined || this.#cause !== undefined) return;
    if (this.#deadline <= this.#clock.now()) this.#expire();
    else if (this.#deadline < Number.POSITIVE_INFINITY)
      this.#disarm = this.#clock.at(this.#deadline, () => this.#expire());
  }

  #expire(): void {
    this.#cancelFor(DEADLINE_PASSED);
  }

  #cancelFor(cause: CancelCause): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    this.#status?.cancel(cause);
  }

  #linkSignal(status: CancelStatus): void {
    const link = { deliverCancel: () => this.#controller?.abort(status.cancelledError()) };
    status.enter(link);
    if (status.effective) link.deliverCancel();
  }
}

class ScopeRun<T> implements Operation<T | undefined> {
  readonly #scope: CancelScope;
  readonly #body: (scope: CancelScope) => Operation<T>;

  constructor(scope: CancelScope, body: (scope: CancelScope) => Operation<T>) {
    this.#scope = scope;
    this.#body = body;
  }

  *[Symbol.iterator](): Steps<T | undefined> {
    const task = yield* useTask();
    if (task === undefined) return yield* enterTree({ name: "CancelScope.run" }, () => this);
    const scope = this.#scope;
    task.moveTo(scope.enter(task));
    try {
      return yield* this.#body(scope);
    } catch (error) {
      scope.absorb(error);
      return undefined;
    } finally {
      scope.exit(task);
    }
  }
}
