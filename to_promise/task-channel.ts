/** The structured side's end of the channel between a task and a promise. */
import type { Effect, Operation, Stream, Subscription } from "effection";
import {
  type Broadcast,
  BusyResourceError,
  broadcast,
  ClosedResourceError,
  EndOfChannel,
  IN_PLACE,
  park,
  ScCancelled,
  type SubscribeOptions,
  type Subscriber,
  type Waker,
} from "../core/mod.ts";
import type { LinkedTask } from "../core/promise/mod.ts";
import type { Conduit } from "./conduit.ts";
import { PromiseTaskExited } from "./errors.ts";

/** What the body of `openChannelFrom` gets: both halves of the channel, and the promise task at its other end. */
export interface TaskChannel<Send, Receive, R> extends Stream<Receive, void> {
  /**
   * Send one item; wait while there is no room.
   *
   * @throws PromiseTaskExited if the promise task has returned, before or meanwhile
   * @throws ClosedResourceError after `closeSend` or `cancelPromiseTask`
   * @throws what the promise task failed with, before or meanwhile
   */
  send(item: Send): Operation<void>;
  /** Nothing more will be sent: `for await` over there ends, once everything is received. */
  closeSend(): void;
  /**
   * Receive one item; wait while there is none. As a `Stream` (`each`) the channel ends in good order where this throws
   * `PromiseTaskExited` or `EndOfChannel`.
   *
   * @throws PromiseTaskExited if the promise task has returned and everything it sent was received
   * @throws EndOfChannel if it has closed its sending half and everything was received
   * @throws ClosedResourceError after `cancelPromiseTask`
   * @throws BusyResourceError while there are subscribers
   * @throws what the promise task failed with, before or meanwhile
   */
  receive(): Operation<Receive>;
  /**
   * Run `body` with a subscription of its own: it gets every item from now on, whoever else subscribes. The subscriber
   * that reads fastest sets the pace of the promise task; one that falls behind by more than the channel's `capacity` is
   * told by `Lagged` how many items it has missed, or skips them, as `onLag` says. A subscription ends in good order when
   * the promise task returns, or has closed its sending half.
   *
   * @returns what `body` returned
   */
  subscribe<T>(body: (subscriber: Subscriber<Receive>) => Operation<T>, options?: SubscribeOptions): Operation<T>;
  /**
   * Wait until the promise task has returned. It receives nothing meanwhile: a task that waits for room to send must be
   * received from, or cancelled.
   *
   * @returns what the promise task returned
   * @throws what it failed with; PromiseAborted if it aborted itself
   * @throws ClosedResourceError if it ended because of `cancelPromiseTask`
   */
  waitForResult(): Operation<R>;
  /** Abort the promise task's signal with `ScCancelled`, and wait until it has settled. The body goes on. */
  cancelPromiseTask(reason?: string): Operation<void>;
  statistics(): TaskChannelStatistics;
}

export interface TaskChannelStatistics {
  readonly capacity: number;
  /** Items that were sent from here and not yet received there. */
  readonly toPromise: number;
  /** Items that were sent there and not yet received here. */
  readonly fromPromise: number;
  /** Sends over there that wait for room. */
  readonly promiseSendsWaiting: number;
}

/** @internal */
export class TaskEnd<Send, Receive, R> implements TaskChannel<Send, Receive, R> {
  readonly [IN_PLACE] = true;
  readonly #task: LinkedTask<R>;
  readonly #out: Conduit<Send>;
  readonly #in: Conduit<Receive>;
  /** Those who wait for the promise task to end, and hear it if it fails. */
  readonly #results = new Set<Waker<void>>();
  #cancelRequested = false;
  /** What subscribers read by, once there have been any. */
  #fan: Broadcast<Receive> | undefined;
  /** What waits of other trees are told once the block has aborted the promise task. */
  #closedError: (() => ClosedResourceError) | undefined;

  constructor(task: LinkedTask<R>, toPromise: Conduit<Send>, fromPromise: Conduit<Receive>) {
    this.#task = task;
    this.#out = toPromise;
    this.#in = fromPromise;
  }

  send(item: Send): Operation<void> {
    return park(`send to promise task ${this.#task.name}`, (waker) => undoing(this.#out.put(item, waker)), BY_HOST);
  }

  closeSend(): void {
    this.#out.closePuts(() => new ClosedResourceError("this side has closed its sending half"));
    this.#out.closeTakes(() => new EndOfChannel("what the structured side sends"));
  }

  receive(): Operation<Receive> {
    if (this.#fan !== undefined && this.#fan.statistics().subscribers > 0) {
      const what = `the channel of promise task "${this.#task.name}" is read by its subscribers; subscribe here too`;
      throw new BusyResourceError(what);
    }
    return this.#take();
  }

  subscribe<T>(body: (subscriber: Subscriber<Receive>) => Operation<T>, options?: SubscribeOptions): Operation<T> {
    // A channel may hold no item at all; a subscriber that waits its turn has to be kept one.
    this.#fan ??= broadcast({ receive: () => this.#takeOrEnd() }, { capacity: Math.max(1, this.#in.capacity) });
    return this.#fan.subscribe(body, options);
  }

  #take(): Operation<Receive> {
    return park(`receive from promise task ${this.#task.name}`, (waker) => undoing(this.#in.take(waker)), BY_HOST);
  }

  *waitForResult(): Operation<R> {
    yield* park<void>(
      `result of promise task ${this.#task.name}`,
      (waker) => {
        if (this.#task.outcome !== undefined) waker.wake();
        else this.#results.add(waker);
        return undoing(() => this.#results.delete(waker));
      },
      BY_HOST,
    );
    if (this.#closedError !== undefined) throw this.#closedError();
    if (this.isCancelledHere) throw this.#cancelledError();
    return this.#task.result();
  }

  *cancelPromiseTask(reason = "cancelPromiseTask() was called"): Operation<void> {
    if (this.#task.outcome === undefined) {
      this.#cancelRequested = true;
      this.#task.abort(new ScCancelled({ source: "cancel", reason }));
    }
    yield* this.#task.untilSettled();
  }

  statistics(): TaskChannelStatistics {
    return {
      capacity: this.#in.capacity,
      toPromise: this.#out.buffered + this.#out.waitingPuts,
      fromPromise: this.#in.buffered + this.#in.waitingPuts,
      promiseSendsWaiting: this.#in.waitingPuts,
    };
  }

  *[Symbol.iterator](): Generator<Effect<unknown>, Subscription<Receive, void>, unknown> {
    return { next: () => this.#next() };
  }

  /** Whether the promise task has ended because this side asked for it. */
  get isCancelledHere(): boolean {
    return this.#cancelRequested && this.#task.settledByAbort;
  }

  /**
   * The promise task has settled: end both halves.
   *
   * @param blockReason - what the block aborted it with, if it did. Who still waits then is of another tree, such as
   *   that of an observable, and is told that the channel is closed; how the promise task came out is the block's to tell
   * @returns whether somebody waited who has now been told how it came out
   */
  ended(blockReason: Error | undefined): boolean {
    const { outcome, name } = this.#task;
    if (outcome === undefined) return false;
    if (blockReason !== undefined) {
      this.#closedError = () =>
        new ClosedResourceError(`channel of promise task "${name}" is closed: ${blockReason.message}`);
    }
    const makeError = () => {
      if (this.#closedError !== undefined) return this.#closedError();
      if (outcome.ok) return new PromiseTaskExited(name, outcome.value);
      if (this.isCancelledHere) return this.#cancelledError();
      if (!this.#task.settledAsAsked) return this.#task.failure;
      // The block has been left or cancelled. Who still reads from elsewhere sees a channel that was closed.
      return new ClosedResourceError(`the channel of promise task "${name}" is closed: its block has been left`);
    };
    const waiting = this.#in.waitingTakes + this.#out.waitingPuts + this.#results.size;
    this.#in.closePuts(() => new ClosedResourceError(`promise task "${name}" has ended`));
    this.#in.closeTakes(makeError);
    this.#out.failPuts(makeError);
    for (const waker of this.#results) waker.wake();
    this.#results.clear();
    return blockReason === undefined && waiting > 0;
  }

  *#takeOrEnd(): Operation<Receive> {
    try {
      return yield* this.#take();
    } catch (error) {
      throw error instanceof PromiseTaskExited ? new EndOfChannel(`promise task "${this.#task.name}"`) : error;
    }
  }

  *#next(): Operation<IteratorResult<Receive, void>> {
    try {
      return { done: false, value: yield* this.receive() };
    } catch (error) {
      if (error instanceof PromiseTaskExited || error instanceof EndOfChannel) return { done: true, value: undefined };
      throw error;
    }
  }

  #cancelledError(): ClosedResourceError {
    return new ClosedResourceError(`promise task "${this.#task.name}" was cancelled by this side`);
  }
}

const BY_HOST = { byHost: true };

function undoing(undo: () => void): () => true {
  return () => {
    undo();
    return true;
  };
}
