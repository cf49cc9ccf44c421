/**
 * A promise under supervision: one call of Promise code, the signal it was given, and what became of it. Whoever made it
 * `join`s it, and by that waits until it has settled, whatever happens: neither side outlives the other. Both
 * `to_promise` and the functions that an actor serves are made of it.
 *
 * After tractor's `LinkedTask`, with the difference that a promise cannot be cancelled, only asked.
 */
import type { Operation } from "effection";
import {
  type Cancelled,
  isAbortError,
  isCancelled,
  PromiseAborted,
  PromiseIgnoredAbort,
  PromiseLeaked,
  ScCancelled,
} from "../errors/mod.ts";
import type { CancelScope } from "../sc/cancel-scope.ts";
import { park } from "../sc/park.ts";
import { moveOnAfter, shielded } from "../sc/timeouts.ts";
import { withFrames } from "../stack-frames.ts";
import { reportWarning } from "../warnings.ts";
import { CreationSite } from "./creation-site.ts";
import { hearRejections } from "./late-rejections.ts";
import { LeakWatch } from "./leak-watch.ts";
import { LEAK_TURNS, TASK_FRAMES } from "./limits.ts";
import { checkPolicy, currentPolicy, type PromisePolicy } from "./policy.ts";
import { defaultLog, type TaskLog } from "./task-log.ts";

/** What a call does not say of these the actor does: `startActor(name, { promises })`. */
export interface LinkedTaskOptions extends PromisePolicy {
  /** Another signal that aborts the promise; it is let go of when the promise has settled. */
  readonly signal?: AbortSignal | undefined;
  /** How this code says that it was aborted, if not by an `AbortError` or the signal's reason: `axios.isCancel`. */
  readonly isAbort?: ((error: unknown) => boolean) | undefined;
  /** Where its `log` goes; by default the log of the actor, outside of one stderr and `NODE_DEBUG=espalier`. */
  readonly log?: TaskLog | undefined;
  /** For dumps and errors; default the function's own. */
  readonly name?: string | undefined;
}

/** What a promise came to. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** Where a task was made, as lines of a stack. */
export interface Site {
  readonly frames: string;
}

/** @throws RangeError if a bound is out of range; TypeError for what is none of the choices */
export function checkOptions(where: string, options: LinkedTaskOptions): void {
  checkPolicy(where, options);
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`${where}: signal must be an AbortSignal, got ${typeof signal}`);
  }
}

export class LinkedTask<T> {
  readonly name: string;
  #site: Site | undefined;
  readonly #options: LinkedTaskOptions;
  /** Made for those that look: it costs more than the rest of a call. */
  #controller: AbortController | undefined;
  #isAborted = false;
  #reason: unknown;
  readonly #watchers = new Set<() => void>();
  #outcome: Outcome<T> | undefined;
  #unlink: (() => void) | undefined;
  /** Nobody waits any more: how it settles is reported as a warning. */
  #disowned = false;
  #isAskedByUs = false;
  #abortedError: PromiseAborted | undefined;
  #log: TaskLog | undefined;
  #leaks: LeakWatch | undefined;

  /** @param site - where it was made; undefined if that is where it is joined, which the stack then tells */
  constructor(name: string, site: Site | undefined, options: LinkedTaskOptions) {
    this.name = name;
    this.#site = site;
    this.#options = options;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Whether its signal is aborted, and with what; without making one. */
  get isAborted(): boolean {
    return this.#isAborted;
  }

  get abortReason(): unknown {
    return this.#reason;
  }

  get log(): TaskLog {
    this.#log ??= this.#options.log ?? defaultLog(this.name);
    return this.#log;
  }

  get outcome(): Outcome<T> | undefined {
    return this.#outcome;
  }

  /**
   * Call the Promise code; what it throws at once is an outcome like any other. Once that has settled, the task may go on
   * with another call and the same signal, as for the items of a sequence.
   */
  start(call: () => PromiseLike<T> | T): void {
    this.#outcome = undefined;
    this.#abortedError = undefined;
    this.#linkForeignSignal();
    hearRejections();
    const watched = this.watchLeaks();
    new Promise<T>((resolve) => resolve(watched === undefined ? call() : watched.run(call))).then(
      (value) => this.#settle({ ok: true, value }),
      (error: unknown) => this.#settle({ ok: false, error }),
    );
  }

  /** Ask the Promise code to end. Only the first reason counts, and none once it has settled. */
  abort(reason: unknown): void {
    if (this.#outcome !== undefined || this.#isAborted) return;
    this.#isAskedByUs = true;
    this.#abort(reason);
  }

  /** Abort it between two calls: the next one finds its signal aborted. */
  abortNext(reason: unknown): void {
    this.#outcome = undefined;
    this.abort(reason);
  }

  /** Call `fn` whenever the task is aborted or settles; the returned function ends that. */
  watch(fn: () => void): () => void {
    this.#watchers.add(fn);
    return () => this.#watchers.delete(fn);
  }

  /**
   * Call Promise code and wait for what it comes to; see `runTask`.
   *
   * @param scope - the scope the calling task stands in
   */
  *perform(scope: CancelScope, call: () => PromiseLike<T> | T): Operation<T> {
    this.start(call);
    const cancelled = yield* this.join(scope, toReason);
    if (cancelled !== undefined && this.settledByAbort) throw cancelled;
    return this.result();
  }

  /**
   * Wait until the promise has settled. A cancellation aborts its signal, and the wait goes on.
   *
   * @param scope - the scope the calling task stands in
   * @param reasonFor - the reason to abort with
   * @returns the `Cancelled` that came meanwhile; the caller throws it if the promise obeyed
   * @throws PromiseIgnoredAbort if it has not settled `graceMs` after an abort, and the policy is not `"warn"`
   */
  *join(scope: CancelScope, reasonFor: (cancelled: Cancelled) => unknown): Operation<Cancelled | undefined> {
    let cancelled: Cancelled | undefined;
    try {
      if (this.#outcome === undefined) yield* this.#untilChange(scope, () => true);
    } catch (error) {
      if (!isCancelled(error)) throw error;
      cancelled = error;
      this.abort(reasonFor(error));
    }
    if (this.#outcome === undefined) yield* shielded((shield) => this.#untilObeyed(shield));
    return cancelled;
  }

  /** Wait until the promise has settled; a cancellation ends the wait and does not abort the promise. */
  untilSettled(): Operation<void> {
    return park(
      `promise of ${this.name} to settle`,
      (waker) => {
        if (this.#outcome !== undefined) waker.wake();
        const unwatch = this.watch(() => {
          if (this.#outcome === undefined) return;
          unwatch();
          waker.wake();
        });
        return () => {
          unwatch();
          return true;
        };
      },
      { byHost: true },
    );
  }

  /** What finds its leaks, if it is to be watched for them; to be asked before the Promise code is called. */
  watchLeaks(): LeakWatch | undefined {
    if (this.#leaksMode !== "off") this.#leaks ??= new LeakWatch(this.name);
    return this.#leaks;
  }

  /** It is no Promise code after all. */
  unwatchLeaks(): void {
    this.#leaks?.end();
    this.#leaks = undefined;
  }

  /**
   * Tell what it has left behind, once what is being closed has had some turns of the host to be gone. To be called when
   * the task is over; without `leaks` it does nothing.
   *
   * @param failed - whether an error is on its way already; then what is left is reported beside it
   * @throws PromiseLeaked if there is something, with `leaks: "error"`, and nothing has failed
   */
  *endWatch(failed: boolean): Operation<void> {
    const leaks = this.#leaks;
    if (leaks === undefined) return;
    try {
      if (this.#outcome === undefined) return; // given up: it has said so itself
      yield* shielded(function* () {
        // The first turn also has Node tell of rejections.
        for (let turn = 0; turn < LEAK_TURNS && (turn === 0 || leaks.count > 0); turn++) yield* hostTurn();
      });
      if (leaks.count === 0) return;
      const leaked = new PromiseLeaked(this.name, leaks.list(), leaks.count);
      leaked.stack = `${leaked.name}: ${leaked.message}\n${(this.#site ?? callersHere(this.endWatch)).frames}`;
      if (this.#leaksMode === "error" && !failed) throw leaked;
      reportWarning({ type: leaked.name, message: leaked.message, error: leaked });
    } finally {
      leaks.end();
    }
  }

  /** Run what uses the task, and `endWatch` after it. */
  watched<R>(body: () => Operation<R>): Operation<R> {
    return this.#leaksMode === "off" ? body() : this.#watched(body);
  }

  *#watched<R>(body: () => Operation<R>): Operation<R> {
    let value: R;
    try {
      value = yield* body();
    } catch (error) {
      yield* this.endWatch(!isCancelled(error));
      throw error;
    }
    yield* this.endWatch(false);
    return value;
  }

  /** Whether the promise was rejected because of an abort, ours or another. */
  get settledByAbort(): boolean {
    return this.#outcome?.ok === false && this.#saysAborted(this.#outcome.error);
  }

  /** Whether it was rejected with the reason that its signal was given by this side. */
  get settledAsAsked(): boolean {
    return this.#isAskedByUs && this.#outcome?.ok === false && this.#outcome.error === this.#reason;
  }

  /** @returns the promise's value @throws what it was rejected with, or PromiseAborted if that says it was aborted */
  result(): T {
    const outcome = this.#outcome;
    if (outcome === undefined) throw new Error(`promise task "${this.name}" has not settled`);
    if (outcome.ok) return outcome.value;
    throw this.failure;
  }

  /** What a rejection is on the structured side: the error itself, or PromiseAborted; undefined if there was none. */
  get failure(): unknown {
    const outcome = this.#outcome;
    if (outcome === undefined || outcome.ok) return undefined;
    if (!this.settledByAbort) return outcome.error;
    this.#abortedError ??= new PromiseAborted(this.name, { cause: outcome.error });
    return this.#abortedError;
  }

  get #leaksMode() {
    return this.#options.leaks ?? currentPolicy().leaks;
  }

  #saysAborted(error: unknown): boolean {
    // A Cancelled is that of a tree of its own: here it would be taken for one of ours.
    return (
      (this.#isAborted && error === this.#reason) ||
      isAbortError(error) ||
      isCancelled(error) ||
      (this.#options.isAbort?.(error) ?? false)
    );
  }

  *#untilObeyed(shield: CancelScope): Operation<void> {
    const policy = currentPolicy();
    const { graceMs = policy.graceMs, onIgnoredAbort = policy.onIgnoredAbort } = this.#options;
    const isSettled = () => this.#outcome !== undefined;
    yield* moveOnAfter(graceMs, (scope) => this.#untilChange(scope, isSettled));
    if (isSettled()) return;
    // Not before: to note the stack at every call would cost more than the rest of it.
    this.#site ??= callersHere(this.join);
    const facts = { frames: this.#site.frames, waitingFor: this.#leaks?.waits() ?? openInProcess() };
    const ignored = new PromiseIgnoredAbort(this.name, graceMs, facts, { cause: this.#reason });
    if (onIgnoredAbort !== "warn") {
      this.#disowned = true;
      if (onIgnoredAbort === "kill-actor") policy.condemn?.(ignored);
      throw ignored;
    }
    reportWarning({ type: ignored.name, message: ignored.message, error: ignored });
    yield* this.#untilChange(shield, isSettled);
  }

  /** Wait until the task is aborted or settled and `isEnough` holds. */
  #untilChange(scope: CancelScope, isEnough: () => boolean): Operation<void> {
    return park(
      `promise of ${this.name}`,
      (waker) => {
        let unwinding = false;
        const look = () => {
          if (this.#outcome === undefined && (unwinding || !isEnough())) return;
          unwatch();
          waker.wake();
        };
        const unwatch = this.watch(look);
        if (this.#isAborted) look();
        return () => {
          if (scope.signal.aborted) {
            unwatch();
            return true;
          }
          // A foreign effect unwinds this frame without a cancellation: that too waits until the promise has settled.
          unwinding = true;
          this.abort(new ScCancelled({ source: "host", reason: "the frame around it is being unwound" }));
          return false;
        };
      },
      { byHost: true },
    );
  }

  #abort(reason: unknown): void {
    if (this.#outcome !== undefined || this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    // The host makes a reason where it was given none.
    if (reason === undefined) this.#reason = this.signal.reason;
    this.#notify();
  }

  #settle(outcome: Outcome<T>): void {
    this.#outcome = outcome;
    this.#unlink?.();
    if (this.#disowned) this.#reportLate(outcome);
    this.#notify();
  }

  #reportLate(outcome: Outcome<T>): void {
    const how = outcome.ok ? "was fulfilled" : `was rejected with ${String(outcome.error)}`;
    reportWarning({
      type: "PromiseSettledLate",
      message: `promise task "${this.name}" ${how} after it had been given up for ignoring its abort signal`,
      ...(outcome.ok || !(outcome.error instanceof Error)
        ? { detail: this.#site?.frames ?? "" }
        : { error: outcome.error }),
    });
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #linkForeignSignal(): void {
    const { signal } = this.#options;
    if (signal === undefined) return;
    if (signal.aborted) return this.#abort(signal.reason);
    const relay = () => this.#abort(signal.reason);
    signal.addEventListener("abort", relay, { once: true });
    this.#unlink = () => signal.removeEventListener("abort", relay);
  }
}

/** The reason that Promise code is given for a cancellation. */
export function toReason(cancelled: Cancelled): ScCancelled {
  return new ScCancelled(cancelled, { cause: cancelled });
}

/** Let the host do what it can do now: one turn of its event loop. */
function hostTurn(): Operation<void> {
  return park<void>(
    "a turn of the host",
    (waker) => {
      const immediate = setImmediate(() => waker.wake());
      return () => {
        clearImmediate(immediate);
        return true;
      };
    },
    { byHost: true },
  );
}

/** The whole `yield*` stack of this task above `below`, less what is ours. */
function callersHere(below: (...args: never[]) => unknown): Site {
  return { frames: withFrames(TASK_FRAMES, () => new CreationSite(below)).ownFrames };
}

/** What is open in the whole process, as far as the host says: `2 Timeout, 1 TCPSocketWrap in this process`. */
function openInProcess(): string[] {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  if (counts.size === 0) return ["nothing that is open in this process"];
  return [`one of what is open in this process (${[...counts].map(([kind, n]) => `${n} ${kind}`).join(", ")})`];
}
