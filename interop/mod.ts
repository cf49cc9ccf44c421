/** Two worlds in one process: promises, observables, async iterables and events on one side, tasks on the other. */
export * from "../to_promise/mod.ts";
export {
  type AsyncIterableSource,
  fromAsyncIterable,
  type PullStream,
  toAsyncIterable,
} from "./async-iterable.ts";
export { Backpressure } from "./backpressure.ts";
export { type EmittedEvent, type EventOptions, fromEvents } from "./from-events.ts";
export { type FromObservableOptions, fromObservable, type ObservableLike } from "./from-observable.ts";
export { DEFAULT_PUSH_CAPACITY, type PushOptions, type PushStatistics, type PushStream } from "./push-stream.ts";
export type { Receiver, StreamSource } from "./stream-source.ts";
export { type ToObservableOptions, toObservable } from "./to-observable.ts";
