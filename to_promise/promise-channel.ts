/** The Promise side's end of the channel between a task and a promise. */
import { ClosedResourceError, EndOfChannel, StreamOverrun, type Waker } from "../core/mod.ts";
import type { LinkedTask, TaskLog } from "../core/promise/mod.ts";
import type { Conduit } from "./conduit.ts";
import { ScTaskExited } from "./errors.ts";

/** What a channel carries, seen from the promise task: its handshake, what it sends, what it receives. */
export interface ChannelTypes {
  started?: unknown;
  send?: unknown;
  receive?: unknown;
}

/** The type in one slot of a channel; `undefined` if it was left out. */
export type Slot<D, K extends keyof ChannelTypes> = D extends { [P in K]?: infer V }
  ? unknown extends V
    ? undefined
    : V
  : undefined;

/**
 * Sends of one task that may wait for room at a time. A program that awaits its sends never gets near it; one that does
 * not would otherwise fill the memory.
 */
export const MAX_WAITING_SENDS = 1_024;

/** What `asyncFn` gets. All of it ends with the signal: what waits then is rejected with the signal's reason. */
export interface PromiseChannel<D extends ChannelTypes = ChannelTypes>
  extends AsyncIterable<Slot<D, "receive">, void, undefined> {
  /**
   * Say that the channel is ready, and hand over the first value. Call it once, before anything is sent.
   *
   * @throws Error if it was called before
   */
  started(...value: Started<D>): void;
  /**
   * Send one item; the promise resolves when there is room for it. Await it: that is the backpressure. The promise may
   * be dropped without an unhandled rejection; the signal tells of the end as well.
   *
   * @throws Error if `started` has not been called
   * @throws (as rejection) the signal's reason if it is aborted, before or meanwhile
   * @throws (as rejection) StreamOverrun if `MAX_WAITING_SENDS` wait already; the task is then aborted with it
   * @throws (as rejection) ClosedResourceError after `closeSend`, or after the task's own end
   */
  send(item: Slot<D, "send">): Promise<void>;
  /** Send one item if there is room for it; says whether it went. For callbacks that cannot wait. @throws as `send` does */
  trySend(item: Slot<D, "send">): boolean;
  /** Nothing more will be sent: the other side's `each` ends, once everything is received. */
  closeSend(): void;
  /**
   * Receive one item.
   *
   * @throws (as rejection) EndOfChannel if the other side has closed its sending half
   * @throws (as rejection) the signal's reason if it is aborted, before or meanwhile
   */
  receive(): Promise<Slot<D, "receive">>;
  /** Receive item by item until the other side closes its sending half or leaves its block; throws on a cancellation. */
  [Symbol.asyncIterator](): AsyncIterator<Slot<D, "receive">, void, undefined>;
  readonly signal: AbortSignal;
  readonly log: TaskLog;
}

type Started<D> = Slot<D, "started"> extends undefined ? [] : [value: Slot<D, "started">];

/** @internal */
export class PromiseEnd<D extends ChannelTypes> implements PromiseChannel<D> {
  readonly signal: AbortSignal;
  readonly log: TaskLog;
  readonly #task: LinkedTask<unknown>;
  readonly #out: Conduit<Slot<D, "send">>;
  readonly #in: Conduit<Slot<D, "receive">>;
  readonly #onStarted: (value: Slot<D, "started">) => void;
  #isStarted = false;

  constructor(
    task: LinkedTask<unknown>,
    toTask: Conduit<Slot<D, "send">>,
    fromTask: Conduit<Slot<D, "receive">>,
    onStarted: (value: Slot<D, "started">) => void,
  ) {
    this.#task = task;
    this.signal = task.signal;
    this.log = task.log;
    this.#out = toTask;
    this.#in = fromTask;
    this.#onStarted = onStarted;
  }

  started(...[value]: Started<D>): void {
    if (this.#isStarted) throw new Error(`promise task "${this.#task.name}" called chan.started() twice`);
    this.#isStarted = true;
    this.#onStarted(value as Slot<D, "started">);
  }

  send(item: Slot<D, "send">): Promise<void> {
    this.#assertStarted();
    const sent = promiseOf<void>((waiter) => {
      if (this.#out.waitingPuts >= MAX_WAITING_SENDS) this.#task.abort(this.#overrun());
      this.#out.put(item, waiter);
    });
    // The signal tells of the same end: whoever sends from a callback need not hear it again as an unhandled rejection.
    sent.catch(() => {});
    return sent;
  }

  trySend(item: Slot<D, "send">): boolean {
    this.#assertStarted();
    return this.#out.tryPut(item);
  }

  closeSend(): void {
    this.#out.closePuts(() => new ClosedResourceError("this side has closed its sending half"));
    this.#out.closeTakes(() => new EndOfChannel(`the items of promise task "${this.#task.name}"`));
  }

  receive(): Promise<Slot<D, "receive">> {
    const received = promiseOf<Slot<D, "receive">>((waiter) => this.#in.take(waiter));
    received.catch(() => {});
    return received;
  }

  [Symbol.asyncIterator](): AsyncIterator<Slot<D, "receive">, void, undefined> {
    return { next: () => this.#next(), return: async () => ({ done: true, value: undefined }) };
  }

  async #next(): Promise<IteratorResult<Slot<D, "receive">, void>> {
    try {
      return { done: false, value: await this.receive() };
    } catch (error) {
      if (error instanceof EndOfChannel || error instanceof ScTaskExited) return { done: true, value: undefined };
      throw error;
    }
  }

  #assertStarted(): void {
    if (this.#isStarted) return;
    throw new Error(`promise task "${this.#task.name}" sent an item before it called chan.started()`);
  }

  #overrun(): StreamOverrun {
    return new StreamOverrun(
      `${MAX_WAITING_SENDS} sends of promise task "${this.#task.name}" wait for room; await chan.send(), or use chan.trySend() where nothing can wait`,
    );
  }
}

function promiseOf<T>(arrange: (waiter: Waker<T>) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => arrange({ wake: resolve, fail: reject }));
}
