/**
 * A promise under supervision: one call of Promise code, the signal it was given, and what became of it. Whoever made it
 * `join`s it, and by that waits until it has settled, whatever happens: neither side outlives the other.
 *
 * After tractor's `LinkedTask`, with the difference that a promise cannot be cancelled, only asked.
 */
import type { Operation } from "effection";
import {
  type Cancelled,
  type CancelScope,
  isCancelled,
  moveOnAfter,
  park,
  reportWarning,
  shielded,
} from "../core/mod.ts";
import { isAbortError, PromiseAborted, PromiseIgnoredAbort, ScCancelled, ScTaskExited } from "./errors.ts";
import { defaultLog, type TaskLog } from "./task-log.ts";

/**
 * Milliseconds that promise code has to settle once its signal is aborted, before it is reported: enough to close a
 * connection or to drop a request in flight, and less than an actor gets before it is killed.
 */
export const DEFAULT_GRACE_MS = 1_000;

export interface LinkedTaskOptions {
  /** Milliseconds to settle in after an abort; default `DEFAULT_GRACE_MS`, `Infinity` never complains. */
  readonly graceMs?: number | undefined;
  /**
   * What to do about code that has not settled by then: `"warn"` (default) emits the `PromiseIgnoredAbort` as a process
   * warning and keeps waiting; `"error"` raises it, and reports how the promise settles if it ever does.
   */
  readonly onIgnoredAbort?: "warn" | "error" | undefined;
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

/** Remembers the frames above `below`, so that a report can say where a task was made. */
export class CreationSite {
  declare readonly stack: string;

  constructor(below: (...args: never[]) => unknown) {
    Error.captureStackTrace(this, below);
  }

  get frames(): string {
    return this.stack.slice(this.stack.indexOf("\n") + 1);
  }
}

/** @throws RangeError if a bound is out of range */
export function checkOptions({ graceMs = 0 }: LinkedTaskOptions): void {
  if (!(graceMs >= 0)) throw new RangeError(`graceMs must be >= 0, got ${graceMs}`);
}

export class LinkedTask<T> {
  readonly name: string;
  readonly #site: CreationSite;
  readonly #options: LinkedTaskOptions;
  readonly #controller = new AbortController();
  readonly #watchers = new Set<() => void>();
  #outcome: Outcome<T> | undefined;
  #unlink: (() => void) | undefined;
  /** Nobody waits any more: how it settles is reported as a warning. */
  #disowned = false;
  #abortedError: PromiseAborted | undefined;
  #log: TaskLog | undefined;

  constructor(name: string, site: CreationSite, options: LinkedTaskOptions) {
    this.name = name;
    this.#site = site;
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get log(): TaskLog {
    this.#log ??= this.#options.log ?? defaultLog(this.name);
    return this.#log;
  }

  get outcome(): Outcome<T> | undefined {
    return this.#outcome;
  }

  /** Call the Promise code, once; what it throws at once is an outcome like any other. */
  start(call: () => PromiseLike<T> | T): void {
    this.#linkForeignSignal();
    new Promise<T>((resolve) => resolve(call())).then(
      (value) => this.#settle({ ok: true, value }),
      (error: unknown) => this.#settle({ ok: false, error }),
    );
  }

  /** Ask the Promise code to end. Only the first reason counts, and none once it has settled. */
  abort(reason: unknown): void {
    if (this.#outcome !== undefined || this.signal.aborted) return;
    this.#controller.abort(reason);
    this.#notify();
  }

  /** Call `fn` whenever the task is aborted or settles; the returned function ends that. */
  watch(fn: () => void): () => void {
    this.#watchers.add(fn);
    return () => this.#watchers.delete(fn);
  }

  /**
   * Wait until the promise has settled. A cancellation aborts its signal, and the wait goes on.
   *
   * @param scope - the scope the calling task stands in
   * @param reasonFor - the reason to abort with
   * @returns the `Cancelled` that came meanwhile; the caller throws it if the promise obeyed
   * @throws PromiseIgnoredAbort if it has not settled `graceMs` after an abort, and the policy is `"error"`
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

  /** Whether the promise was rejected because of an abort, ours or another. */
  get settledByAbort(): boolean {
    return this.#outcome?.ok === false && this.#saysAborted(this.#outcome.error);
  }

  /** Whether it was rejected with the reason that its signal was given by this side. */
  get settledAsAsked(): boolean {
    const { reason } = this.signal;
    const asked = reason instanceof ScCancelled || reason instanceof ScTaskExited;
    return asked && this.#outcome?.ok === false && this.#outcome.error === reason;
  }

  /** @returns the promise's value @throws what it was rejected with, or PromiseAborted if that says it was aborted */
  result(): T {
    const outcome = this.#outcome;
    if (outcome === undefined) throw new Error(`promise of ${this.name} has not settled`);
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

  #saysAborted(error: unknown): boolean {
    // A Cancelled is that of a tree of its own: here it would be taken for one of ours.
    return (
      (this.signal.aborted && error === this.signal.reason) ||
      isAbortError(error) ||
      isCancelled(error) ||
      (this.#options.isAbort?.(error) ?? false)
    );
  }

  *#untilObeyed(shield: CancelScope): Operation<void> {
    const { graceMs = DEFAULT_GRACE_MS, onIgnoredAbort = "warn" } = this.#options;
    const isSettled = () => this.#outcome !== undefined;
    yield* moveOnAfter(graceMs, (scope) => this.#untilChange(scope, isSettled));
    if (isSettled()) return;
    const ignored = new PromiseIgnoredAbort(this.name, graceMs, this.#site.frames, { cause: this.signal.reason });
    if (onIgnoredAbort === "error") {
      this.#disowned = true;
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
        if (this.signal.aborted) look();
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
      ...(outcome.ok || !(outcome.error instanceof Error) ? { detail: this.#site.frames } : { error: outcome.error }),
    });
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #linkForeignSignal(): void {
    const { signal } = this.#options;
    if (signal === undefined) return;
    if (signal.aborted) return this.abort(signal.reason);
    const relay = () => this.abort(signal.reason);
    signal.addEventListener("abort", relay, { once: true });
    this.#unlink = () => signal.removeEventListener("abort", relay);
  }
}
