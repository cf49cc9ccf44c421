/**
 * One source and many readers, each at its own pace, after tokio's broadcast channel (trio has none). It is pulled and
 * has no task of its own: of the subscribers that ask for an item which is not there yet the first reads the source for
 * all of them, so the fastest sets the pace. Those behind find the last items in a backlog; who falls out of it is told.
 */
import type { Operation, Result, Stream, Subscription } from "effection";
import {
  BusyResourceError,
  ClosedResourceError,
  EndOfChannel,
  isCancelled,
  Lagged,
  WouldBlock,
} from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { Backlog, type Place } from "./backlog.ts";
import { enterTree } from "./bridge.ts";
import { CancelScope } from "./cancel-scope.ts";
import { IN_PLACE } from "./each.ts";
import { useTask } from "./task.ts";
import { type Exit, err, Immediate, NO_EXIT, ok, type Resolve, type Steps, undoing, Wait } from "./wait.ts";

/** As many as a stream between actors has in flight: what one delivers in a burst makes no subscriber lag. */
export const DEFAULT_BROADCAST_CAPACITY = 1_024;

/** What a broadcast reads: a `ReceiveChannel`, a `MessageStream`. A cancelled `receive` must not have taken an item. */
export interface BroadcastSource<T> {
  receive(): Operation<T>;
}

export interface BroadcastOptions {
  /** Items kept for those behind the fastest, a whole number >= 1; `DEFAULT_BROADCAST_CAPACITY` unless told. */
  readonly capacity?: number;
}

export interface SubscribeOptions {
  /**
   * What `receive` does when items it had not given yet were dropped, `error` unless told.
   * - `error`: it throws `Lagged`, once, and then goes on with the oldest item that is kept
   * - `skip`: it goes on there at once; `missed` tells
   */
  readonly onLag?: "error" | "skip";
}

export interface BroadcastStatistics {
  readonly subscribers: number;
  /** Items that are kept because a subscriber has not received them, 0 to `capacity`. */
  readonly buffered: number;
  /** Items that were read from the source so far. */
  readonly read: number;
  readonly capacity: number;
}

export interface Broadcast<T> {
  /**
   * Run `body` with a subscription, which ends with it. It sees every item that arrives from now on, in order.
   *
   * @returns what `body` returned
   */
  subscribe<R>(body: (subscriber: Subscriber<T>) => Operation<R>, options?: SubscribeOptions): Operation<R>;
  statistics(): BroadcastStatistics;
}

/**
 * Let many subscribers read `source`, which nobody else may read. Nothing is read while no subscriber asks. The first
 * error of `source` that is not a cancellation is its end, for all subscribers and for good.
 *
 * @throws RangeError if `capacity` is not a whole number >= 1
 */
export function broadcast<T>(
  source: BroadcastSource<T>,
  { capacity = DEFAULT_BROADCAST_CAPACITY }: BroadcastOptions = {},
): Broadcast<T> {
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new RangeError(`capacity must be a whole number >= 1, got ${capacity}`);
  }
  return new Fan(source, capacity);
}

/** One subscription. It is also an Effection `Stream`: `for (const item of yield* each(subscriber))`. */
export class Subscriber<T> implements Stream<T, void> {
  readonly [IN_PLACE] = true;
  readonly #fan: Fan<T>;
  readonly #skips: boolean;
  /** Where the next item for it is or will be; undefined after its block, so that it keeps no items alive. */
  #at: Place<T> | undefined;
  #missed = 0;

  /** @internal */
  constructor(fan: Fan<T>, skips: boolean) {
    this.#fan = fan;
    this.#skips = skips;
    this.#at = fan.backlog.enter();
  }

  /** Items that were dropped before it received them, up to where it has read. */
  get missed(): number {
    return this.#missed;
  }

  /**
   * Receive the next item; wait while there is none, and read the source if no other subscriber does.
   *
   * @throws Lagged if items were dropped before it received them, unless `onLag` is `skip`; it can go on
   * @throws EndOfChannel, or whatever else `source` has thrown, after what was read before
   * @throws BusyResourceError if another task waits in `receive` of this subscription
   * @throws ClosedResourceError if its block has been left, before or meanwhile
   */
  receive(): Operation<T> {
    return new Receive<T, T>(this.#fan, this, asItem);
  }

  /** As `receive`, at once, from what has been read. @throws WouldBlock if that holds nothing new, else as `receive` */
  receiveNowait(): T {
    const taken = this.take();
    if (taken === undefined) throw new WouldBlock("nothing is buffered for this subscriber");
    if (!taken.ok) throw taken.error;
    return taken.value;
  }

  /** @internal `undefined` if there is nothing to receive now. */
  take(): Result<T> | undefined {
    if (this.#at === undefined) return err(new ClosedResourceError("this subscription has ended with its block"));
    const { backlog } = this.#fan;
    const missed = backlog.first.number - this.#at.number;
    if (missed > 0) {
      this.#missed += missed;
      this.#at = backlog.first;
      if (!this.#skips) return err(new Lagged(missed, backlog.capacity));
    }
    const { item, next } = this.#at;
    if (next === undefined) return this.#fan.end;
    backlog.leave(this.#at, next);
    this.#at = next;
    return ok(item as T);
  }

  /** @internal */
  close(): void {
    this.#fan.backlog.leave(this.#at as Place<T>);
    this.#at = undefined;
    this.#fan.closed(this);
  }

  [Symbol.iterator]() {
    const subscription: Subscription<T, void> = {
      next: () => new Receive<T, IteratorResult<T, void>>(this.#fan, this, asIteration),
    };
    return new Immediate(subscription)[Symbol.iterator]();
  }
}

class Fan<T> implements Broadcast<T> {
  readonly backlog: Backlog<T>;
  /** What the source has thrown. Nothing is read after it. */
  end: Result<T> | undefined;
  readonly #source: BroadcastSource<T>;
  /** Who is reading the source, or is about to. While nobody does, nobody waits. */
  #reader: { readonly ask: Ask<T>; readonly scope: CancelScope } | undefined;
  /** Those who wait for what the reader gets. Answering one takes it out. */
  readonly #waiting = new Map<Subscriber<T>, Ask<T>>();

  constructor(source: BroadcastSource<T>, capacity: number) {
    this.#source = source;
    this.backlog = new Backlog(capacity);
  }

  subscribe<R>(
    body: (subscriber: Subscriber<T>) => Operation<R>,
    { onLag = "error" }: SubscribeOptions = {},
  ): Operation<R> {
    return new Subscribe(this, body, onLag === "skip");
  }

  statistics(): BroadcastStatistics {
    const { readers, size, last, capacity } = this.backlog;
    return { subscribers: readers, buffered: size, read: last.number, capacity };
  }

  ask(ask: Ask<T>): Exit {
    const { subscriber } = ask;
    const taken = subscriber.take();
    if (taken !== undefined) ask.answer(taken);
    else if (this.#reader === undefined) this.#appoint(ask);
    else if (this.#reader.ask.subscriber === subscriber || this.#waiting.has(subscriber)) {
      const advice = "give each task a subscription of its own";
      ask.answer(err(new BusyResourceError(`another task waits in receive() of this subscription; ${advice}`)));
    } else {
      this.#waiting.set(subscriber, ask);
      return undoing(() => this.#waiting.delete(subscriber));
    }
    return NO_EXIT;
  }

  /** Read one item, or the end, for all that wait, in `scope`; returns what `subscriber`, who reads, has of it. */
  *read(scope: CancelScope, subscriber: Subscriber<T>): Operation<Result<T>> {
    yield* scope.run(() => this.#readOne());
    return subscriber.take() as Result<T>;
  }

  /** `ask` is over. If it was the reader's, and it has not read, the next in line reads. */
  over(ask: Ask<T>): void {
    if (this.#reader?.ask !== ask) return;
    this.#reader = undefined;
    const [next] = this.#waiting.values();
    if (next !== undefined) this.#appoint(next);
  }

  closed(subscriber: Subscriber<T>): void {
    const ask = this.#waiting.get(subscriber);
    ask?.answer(subscriber.take() as Result<T>);
    if (this.#reader?.ask.subscriber === subscriber)
      this.#reader.scope.cancel("the block of the subscription was left");
  }

  #appoint(ask: Ask<T>): void {
    const scope = new CancelScope();
    this.#reader = { ask, scope };
    ask.answer(scope);
  }

  *#readOne(): Operation<void> {
    let item: T;
    try {
      item = yield* this.#source.receive();
    } catch (error) {
      if (isCancelled(error) || (error instanceof ExceptionGroup && error.holdsCancelled)) throw error;
      this.end = err(error);
      return this.#answerAll();
    }
    this.backlog.add(item);
    this.#answerAll();
  }

  /** Here and now, not when those who waited take their next step: by then the item may have been dropped again. */
  #answerAll(): void {
    for (const [subscriber, ask] of this.#waiting) ask.answer(subscriber.take() as Result<T>);
  }
}

class Subscribe<T, R> implements Operation<R> {
  readonly #fan: Fan<T>;
  readonly #body: (subscriber: Subscriber<T>) => Operation<R>;
  readonly #skips: boolean;

  constructor(fan: Fan<T>, body: (subscriber: Subscriber<T>) => Operation<R>, skips: boolean) {
    this.#fan = fan;
    this.#body = body;
    this.#skips = skips;
  }

  *[Symbol.iterator](): Steps<R> {
    if ((yield* useTask()) === undefined) return yield* enterTree({ name: "Broadcast.subscribe" }, () => this);
    const subscriber = new Subscriber(this.#fan, this.#skips);
    try {
      return yield* this.#body(subscriber);
    } finally {
      subscriber.close();
    }
  }
}

class Receive<T, R> implements Operation<R> {
  readonly #fan: Fan<T>;
  readonly #subscriber: Subscriber<T>;
  readonly #shape: (result: Result<T>) => Result<R>;

  constructor(fan: Fan<T>, subscriber: Subscriber<T>, shape: (result: Result<T>) => Result<R>) {
    this.#fan = fan;
    this.#subscriber = subscriber;
    this.#shape = shape;
  }

  *[Symbol.iterator](): Steps<R> {
    const ask = new Ask(this.#fan, this.#subscriber);
    let taken: Result<T>;
    try {
      const answer = yield* ask;
      taken = answer instanceof CancelScope ? yield* this.#fan.read(answer, this.#subscriber) : answer;
    } finally {
      this.#fan.over(ask);
    }
    const result = this.#shape(taken);
    if (!result.ok) throw result.error;
    return result.value;
  }
}

/** One `receive` under way. Its answer is what there is for the subscriber, or the scope in which to read the source. */
class Ask<T> extends Wait<Result<T> | CancelScope> {
  readonly description = "Subscriber.receive()";
  readonly subscriber: Subscriber<T>;
  readonly #fan: Fan<T>;
  #resolve: Resolve<Result<T> | CancelScope> | undefined;

  constructor(fan: Fan<T>, subscriber: Subscriber<T>) {
    super();
    this.#fan = fan;
    this.subscriber = subscriber;
  }

  enter(resolve: Resolve<Result<T> | CancelScope>): Exit {
    this.#resolve = resolve;
    return this.#fan.ask(this);
  }

  answer(answer: Result<T> | CancelScope): void {
    this.#resolve?.(ok(answer));
  }
}

function asItem<T>(result: Result<T>): Result<T> {
  return result;
}

/** As an iteration has it: the end, and a source or block that was closed here, are ends and not errors. */
function asIteration<T>(result: Result<T>): Result<IteratorResult<T, void>> {
  if (result.ok) return ok({ done: false, value: result.value });
  const isEnd = result.error instanceof EndOfChannel || result.error instanceof ClosedResourceError;
  return isEnd ? ok({ done: true, value: undefined }) : result;
}
