/**
 * Observables that cross processes. At the far end an observable is a producer of items, with a bounded buffer between
 * it, which cannot be held up, and the consumer, which can be slow; at the near end it is an observable again.
 */
import type { Operation } from "effection";
import {
  type ArgsOfSource,
  type ConsumeOptions,
  checkpointIfCancelled,
  type DeclaredArgs,
  type DeclaredItem,
  type DeclaredProducer,
  type ItemOf,
  isCancelled,
  named,
  type Portal,
  type ProducerEndpoint,
  type ProducerOptions,
  producer,
  type ReceiveStream,
  type SendStream,
  type Settings,
  type Source,
} from "../core/mod.ts";
import { Backpressure } from "./backpressure.ts";
import { openObservable } from "./from-observable.ts";
import type { ObservableLike } from "./intake.ts";
import { reportLateError } from "./late-errors.ts";
import { PushBuffer, type PushOptions, type PushStream } from "./push-stream.ts";
import { forEachItem } from "./stream-source.ts";
import { type Emit, TaskObservable, type ToObservableOptions } from "./to-observable.ts";

/** What can be said of an observable beside what it does; each may be left out. */
export interface ObservableOptions extends Pick<ProducerOptions, "args" | "send" | "check" | "codecs">, PushOptions {}

/** What an observable that others consume gets besides its arguments. */
export interface ObservableTools {
  /** Held while the consumer is behind; give it to a `toObservable` that feeds the pipeline, and nothing overflows. */
  readonly pressure: Backpressure;
}

/**
 * Make an endpoint of a function that returns an observable; export it, and callers consume it with
 * `portal.openStreamFrom`, or have it as an observable by `observe`. The observable is subscribed to in the actor that is
 * asked, once for each consumer. When the consumer leaves it is unsubscribed from, and its teardown has run before the
 * consumer's block ends.
 *
 * Items for which the consumer has no room wait here, `capacity` of them; what happens to more says `overflow`. With
 * `"error"` the consumer gets what was held, and then `StreamOverrun`.
 *
 * ```ts
 * export const ticks = observable(({ symbol }: { symbol: string }) => ticks$(symbol));
 * export const latest = observable({ capacity: 1, overflow: "drop-oldest" }, () => position$);
 * ```
 *
 * @throws RangeError if `capacity` is not a whole number >= 1, or `overflow` is none of its three; TypeError if `fn` is
 * no function, or a schema is none
 */
export function observable<T, A extends object = object>(
  fn: (args: A, tools: ObservableTools) => ObservableLike<T>,
): ProducerEndpoint<A, T>;
export function observable<T, A extends object = object>(
  options: PushOptions & Settings,
  fn: (args: A, tools: ObservableTools) => ObservableLike<T>,
): ProducerEndpoint<A, T>;
export function observable<const S extends ObservableOptions>(
  options: S,
  fn: (args: DeclaredArgs<S>, tools: ObservableTools) => ObservableLike<DeclaredItem<S>>,
): DeclaredProducer<S>;
export function observable(...given: readonly unknown[]): unknown {
  const [options, fn] = given.length === 1 ? [{}, given[0]] : given;
  if (typeof fn !== "function") throw new TypeError(`observable() takes a function, got ${typeof fn}`);
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`observable(options, fn) takes an object of options, got ${String(options)}`);
  }
  const { capacity, overflow, ...specs }: ObservableOptions = options;
  new PushBuffer("the observable", { capacity, overflow }); // a bad bound fails here, where it stands
  const serve = function* (out: SendStream<unknown>, args: object): Operation<void> {
    const pressure = new Backpressure();
    const source: ObservableLike<unknown> = Reflect.apply(fn, undefined, [args, { pressure }]);
    const send = (item: unknown) => out.trySend(item) || sent(out, item);
    yield* openObservable(source, (items) => sendAll(items, send), { capacity, overflow, pressure });
  };
  return producer(specs, named(fn.name || "anonymous observable", serve));
}

function* sendAll<T>(items: PushStream<T>, send: Emit<T>): Operation<void> {
  try {
    yield* forEachItem(items, send);
  } catch (error) {
    if (isCancelled(error)) throw error;
    // A consumer that has left by now does not wait for what the source failed with: that would be no failure to clean up.
    try {
      yield* checkpointIfCancelled();
    } catch (cancelled) {
      reportLateError("an observable", error);
      throw cancelled;
    }
    throw error;
  }
}

function* sent<T>(out: SendStream<T>, item: T): Operation<boolean> {
  yield* out.send(item);
  return true;
}

export interface ObserveOptions
  extends ToObservableOptions,
    Pick<ConsumeOptions, "capacity" | "capacityBytes" | "overflow"> {}

/**
 * The items of a source in another actor as an observable. Each subscription asks for them anew; to unsubscribe cancels
 * the source there. `finalized()` waits until that has ended as well.
 *
 * RxJS has no backpressure: items are taken as fast as they come. With `pressure` they are not, while the
 * `fromObservable` behind the operators is behind; then the far side is held up, as far as its `overflow` allows.
 *
 * @param portal - to the actor; it must live as long as there are subscriptions
 * @param source - an `observable`, a `producer`, or a function that returns an async iterable
 * @param options - as those of `toObservable`, and of `portal.openStreamFrom`
 * @throws (as error notification) what `portal.openStreamFrom` throws; an error of the source comes after its items. One
 *   that had happened by the time the subscriber left is a warning of type `LateObservableError`
 */
export function observe<S extends Source>(
  portal: Portal,
  source: S,
  args: ArgsOfSource<S>,
  options: ObserveOptions = {},
): TaskObservable<ItemOf<S>> {
  const { capacity, capacityBytes, overflow, ...rest } = options;
  const taking: ConsumeOptions = {
    // In RxJS an error that comes behind the last item one wanted is none; here the source may be ahead by many items.
    onMissedFailure: (error) => reportLateError("an observed source", error),
    ...(capacity !== undefined && { capacity }),
    ...(capacityBytes !== undefined && { capacityBytes }),
    ...(overflow !== undefined && { overflow }),
  };
  return new TaskObservable<ItemOf<S>>(
    () => ({
      produce: (emit, hasLeft) =>
        portal.openStreamFrom(source, args, (stream) => forEachUntilLeft(stream, emit, hasLeft), taking),
    }),
    { name: "observe", ...rest },
  );
}

function* forEachUntilLeft<T>(stream: ReceiveStream<T>, emit: Emit<T>, hasLeft: () => boolean): Operation<void> {
  try {
    yield* forEachItem(stream, emit);
  } catch (error) {
    // Missed, like one that comes a moment later.
    if (isCancelled(error) || !hasLeft()) throw error;
  }
}
