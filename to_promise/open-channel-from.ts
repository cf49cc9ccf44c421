/**
 * A promise and a task with a channel between them, under one roof, after tractor's `to_asyncio.open_channel_from`: the
 * promise task says `started`, then both talk, and whichever ends first, the other is told which and is waited for.
 */
import type { Operation } from "effection";
import {
  type Cancelled,
  CancelScope,
  checkpoint,
  ExceptionGroup,
  isCancelled,
  moveOnAfter,
  type Nursery,
  named,
  openNursery,
  PromiseIgnoredAbort,
  park,
  ScCancelled,
  type Waker,
} from "../core/mod.ts";
import { CreationSite, LinkedTask, type LinkedTaskOptions } from "../core/promise/mod.ts";
import { Conduit } from "./conduit.ts";
import { PromiseNotStarted, PromiseTaskExited, ScTaskExited } from "./errors.ts";
import { type ChannelTypes, type PromiseChannel, PromiseEnd, type Slot } from "./promise-channel.ts";
import { checkCall, nameOf } from "./run-task.ts";
import { type TaskChannel, TaskEnd } from "./task-channel.ts";

/** Items each direction holds before `send` waits: enough to keep both sides busy, little to throw away at the end. */
export const DEFAULT_CHANNEL_CAPACITY = 16;
/** Milliseconds a promise task has to call `started`: longer than any sane connect takes, and not for ever. */
export const DEFAULT_START_TIMEOUT_MS = 30_000;

export interface ChannelOptions extends LinkedTaskOptions {
  /** Items held in each direction; 0 makes each `send` wait for its `receive`. Default `DEFAULT_CHANNEL_CAPACITY`. */
  readonly capacity?: number | undefined;
  /** Milliseconds until `started` must be called, `Infinity` for no bound. Default `DEFAULT_START_TIMEOUT_MS`. */
  readonly startTimeoutMs?: number | undefined;
  /** If the body ends by `PromiseTaskExited`, take it for a good end: the block returns undefined. Default false. */
  readonly suppressGracefulExits?: boolean | undefined;
}

/** Promise code with a channel instead of a bare signal. */
export type ChannelFunction<A extends object, D extends ChannelTypes, R> = (
  args: A,
  chan: PromiseChannel<D>,
) => PromiseLike<R> | R;

/** The task's end of that channel. */
export type ChannelTo<D extends ChannelTypes, R> = TaskChannel<Slot<D, "receive">, Slot<D, "send">, R>;

/**
 * Start `asyncFn(args, chan)`, wait until it calls `chan.started(first)`, and run `body` with the other end. Both have
 * ended when the block has:
 * - leaving the body aborts the promise task with `ScTaskExited`, a cancellation with `ScCancelled`; then it is waited for;
 * - a promise task that fails throws its error where the body waits for the channel. If the body does not, the body is
 *   cancelled and the block throws the error, as with a task that fails in a nursery;
 * - a promise task that returns ends the channel: `each` ends, `receive` and `send` throw `PromiseTaskExited`.
 *
 * @returns what `body` returned
 * @throws what `body` throws, or what the promise task failed with; an `ExceptionGroup` if both failed
 * @throws PromiseNotStarted if the promise task returned or took longer than `startTimeoutMs` before it called `started`
 * @throws PromiseAborted if the promise task aborted itself
 * @throws PromiseIgnoredAbort if it did not settle in `graceMs` after an abort and `onIgnoredAbort` is `"error"` or
 *   `"kill-actor"`
 * @throws PromiseLeaked if it settled and left something behind, with `leaks: "error"`
 * @throws TypeError, RangeError for options that are not what they should be
 */
export function openChannelFrom<A extends object, D extends ChannelTypes, R, T>(
  asyncFn: ChannelFunction<A, D, R>,
  args: A,
  body: (chan: ChannelTo<D, R>, first: Slot<D, "started">) => Operation<T>,
  options: ChannelOptions & { readonly suppressGracefulExits: true },
): Operation<T | undefined>;
export function openChannelFrom<A extends object, D extends ChannelTypes, R, T>(
  asyncFn: ChannelFunction<A, D, R>,
  args: A,
  body: (chan: ChannelTo<D, R>, first: Slot<D, "started">) => Operation<T>,
  options?: ChannelOptions,
): Operation<T>;
export function openChannelFrom<A extends object, D extends ChannelTypes, R, T>(
  asyncFn: ChannelFunction<A, D, R>,
  args: A,
  body: (chan: ChannelTo<D, R>, first: Slot<D, "started">) => Operation<T>,
  options: ChannelOptions = {},
): Operation<T | undefined> {
  checkCall("openChannelFrom", asyncFn, options);
  const { capacity = DEFAULT_CHANNEL_CAPACITY, startTimeoutMs = DEFAULT_START_TIMEOUT_MS } = options;
  if (!(capacity >= 0 && Number.isInteger(capacity))) {
    throw new RangeError(`capacity must be a whole number >= 0, got ${capacity}`);
  }
  if (!(startTimeoutMs >= 0)) throw new RangeError(`startTimeoutMs must be >= 0, got ${startTimeoutMs}`);
  const site = new CreationSite(openChannelFrom);
  return {
    // Its own scope, so that in a foreign Effection task too a halt is a cancellation and waits.
    [Symbol.iterator]: () =>
      new CancelScope().run(() => new ChannelBlock(asyncFn, args, body, options, site).run())[Symbol.iterator](),
  };
}

type BodyEnd<T> =
  | { readonly ok: true; readonly value: T | undefined }
  | { readonly ok: false; readonly error: unknown };

/** One run of the block. */
class ChannelBlock<A extends object, D extends ChannelTypes, R, T> {
  readonly #asyncFn: ChannelFunction<A, D, R>;
  readonly #args: A;
  readonly #body: (chan: ChannelTo<D, R>, first: Slot<D, "started">) => Operation<T>;
  readonly #options: ChannelOptions;
  readonly #task: LinkedTask<R>;
  readonly #toPromise: Conduit<Slot<D, "receive">>;
  readonly #fromPromise: Conduit<Slot<D, "send">>;
  readonly #taskEnd: TaskEnd<Slot<D, "receive">, Slot<D, "send">, R>;
  /** The body runs in it, so that a promise task that fails can cancel it. */
  readonly #bodyScope = new CancelScope();
  #bodyEnd: BodyEnd<T> | undefined;
  #first: { readonly value: Slot<D, "started"> } | undefined;
  #startWaiter: Waker<void> | undefined;
  /** The reason the promise task was given by this block, if it was. */
  #reason: ScCancelled | ScTaskExited | undefined;
  /** Whether somebody in the body was told how the promise task failed, so that the block need not say it again. */
  #failureTold = false;
  #ignored: PromiseIgnoredAbort | undefined;

  constructor(
    asyncFn: ChannelFunction<A, D, R>,
    args: A,
    body: (chan: ChannelTo<D, R>, first: Slot<D, "started">) => Operation<T>,
    options: ChannelOptions,
    site: CreationSite,
  ) {
    const { capacity = DEFAULT_CHANNEL_CAPACITY } = options;
    this.#asyncFn = asyncFn;
    this.#args = args;
    this.#body = body;
    this.#options = options;
    this.#task = new LinkedTask(nameOf(asyncFn, options), site, options);
    this.#toPromise = new Conduit(capacity);
    this.#fromPromise = new Conduit(capacity);
    this.#taskEnd = new TaskEnd(this.#task, this.#toPromise, this.#fromPromise);
  }

  run(): Operation<T | undefined> {
    return this.#task.watched(() => this.#perform());
  }

  *#perform(): Operation<T | undefined> {
    const { name } = this.#task;
    const unwatch = this.#task.watch(() => (this.#task.outcome === undefined ? this.#aborted() : this.#settled()));
    let cancelled: Cancelled | undefined;
    try {
      yield* openNursery((nursery) => this.#run(nursery), { name: `openChannelFrom(${name})` });
    } catch (error) {
      // What fails in the nursery is kept by its tasks: this is a cancellation from further out.
      if (!isCancelled(error)) throw error;
      cancelled = error;
    } finally {
      unwatch();
    }
    const errors = this.#collectErrors();
    if (errors.length > 1) throw new ExceptionGroup(`promise task "${name}" and the block around it failed`, errors);
    if (errors.length === 1) throw errors[0];
    if (cancelled !== undefined) throw cancelled;
    return this.#bodyEnd?.ok ? this.#bodyEnd.value : undefined;
  }

  *#run(nursery: Nursery): Operation<void> {
    const { name } = this.#task;
    yield* checkpoint(); // cancelled already: nothing is called
    const chan = new PromiseEnd<D>(this.#task, this.#fromPromise, this.#toPromise, (value) => this.#started(value));
    const asyncFn = this.#asyncFn; // called as a function, and not as a method of this
    this.#task.start(() => asyncFn(this.#args, chan));
    nursery.startSoon(named(name, () => this.#keep(nursery)));
    try {
      const value = yield* this.#bodyScope.run(() => this.#startAndTalk());
      this.#bodyEnd = { ok: true, value };
    } catch (error) {
      if (isCancelled(error) && nursery.cancelScope.signal.aborted) throw error;
      this.#bodyEnd = this.#withoutGracefulExit(error);
    } finally {
      nursery.cancelScope.cancel(`the block of promise task "${name}" was left`);
    }
  }

  /** A task beside the body: waits for the promise, and aborts it when the body has been left or all is cancelled. */
  *#keep(nursery: Nursery): Operation<void> {
    try {
      yield* this.#task.join(nursery.cancelScope, (cancelled) => this.#makeReason(cancelled));
    } catch (error) {
      if (!(error instanceof PromiseIgnoredAbort)) throw error;
      this.#ignored = error;
      this.#bodyScope.cancel(error.message);
    }
  }

  *#startAndTalk(): Operation<T> {
    const { startTimeoutMs = DEFAULT_START_TIMEOUT_MS } = this.#options;
    yield* moveOnAfter(startTimeoutMs, () =>
      park<void>(
        `promise task ${this.#task.name} to call started()`,
        (waker) => {
          if (this.#first === undefined) this.#startWaiter = waker;
          else waker.wake(); // it called started() at once
          return () => {
            this.#startWaiter = undefined;
            return true;
          };
        },
        { byHost: true },
      ),
    );
    if (this.#first === undefined) throw new PromiseNotStarted(this.#task.name, startTimeoutMs);
    return yield* this.#body(this.#taskEnd, this.#first.value);
  }

  #started(value: Slot<D, "started">): void {
    this.#first = { value };
    this.#startWaiter?.wake();
    this.#startWaiter = undefined;
  }

  #makeReason(cancelled: Cancelled): ScCancelled | ScTaskExited {
    const end = this.#bodyEnd;
    if (end === undefined) this.#reason = new ScCancelled(cancelled, { cause: cancelled });
    else this.#reason = new ScTaskExited(this.#task.name, end.ok ? undefined : { cause: end.error });
    return this.#reason;
  }

  /** The signal was aborted: the Promise side sends no more, and receives what is left only after a good end. */
  #aborted(): void {
    const reason = this.#task.abortReason;
    this.#fromPromise.failPuts(() => reason);
    if (reason instanceof ScTaskExited && reason.cause === undefined) this.#toPromise.closeTakes(() => reason);
    else this.#toPromise.failTakes(() => reason);
  }

  #settled(): void {
    const outcome = this.#task.outcome;
    const waiter = this.#startWaiter;
    if (waiter !== undefined) {
      this.#failureTold = true;
      waiter.fail(outcome?.ok ? new PromiseNotStarted(this.#task.name) : this.#task.failure);
      return;
    }
    this.#failureTold = this.#taskEnd.ended(this.#reason);
    if (!this.#failureTold && this.#promiseFailed) this.#bodyScope.cancel(`promise task "${this.#task.name}" failed`);
  }

  /** Whether the promise task was rejected, other than by an abort that this side asked for. */
  get #promiseFailed(): boolean {
    const { outcome, settledByAbort, abortReason } = this.#task;
    if (outcome === undefined || outcome.ok) return false;
    if (!settledByAbort) return true;
    return !this.#taskEnd.isCancelledHere && (this.#reason === undefined || abortReason !== this.#reason);
  }

  #collectErrors(): unknown[] {
    const errors: unknown[] = [];
    if (this.#bodyEnd?.ok === false) errors.push(this.#bodyEnd.error);
    if (this.#promiseFailed && !this.#failureTold) {
      const { failure } = this.#task;
      if (!errors.some((error) => holds(error, failure))) errors.push(failure);
    }
    if (this.#ignored !== undefined) errors.push(this.#ignored);
    return errors;
  }

  #withoutGracefulExit(error: unknown): BodyEnd<T> {
    const end: BodyEnd<T> = { ok: true, value: undefined };
    if (this.#options.suppressGracefulExits !== true) return { ok: false, error };
    if (error instanceof PromiseTaskExited) return end;
    if (!(error instanceof ExceptionGroup)) return { ok: false, error };
    const rest = error.split(PromiseTaskExited)[1];
    return rest === null ? end : { ok: false, error: rest };
  }
}

function holds(error: unknown, leaf: unknown): boolean {
  return error === leaf || (error instanceof ExceptionGroup && error.leaves().includes(leaf));
}
