/** Two worlds in one process: promises, observables, async iterables and events on one side, tasks on the other. */
export * from "../to_promise/mod.ts";
export { type AsyncIterableSource, fromAsyncIterable, toAsyncIterable } from "./async-iterable.ts";
export { Backpressure } from "./backpressure.ts";
export { ContextLeft, GuestClosed, GuestTooSlow } from "./errors.ts";
export { type EmittedEvent, type EventOptions, fromEvents } from "./from-events.ts";
export { fromObservable, openObservable } from "./from-observable.ts";
export { type GuestCloseOptions, type GuestMain, GuestRun, type GuestRunOptions, startGuestRun } from "./guest-run.ts";
export type { FromObservableOptions, ObservableLike } from "./intake.ts";
export { reportLateErrors } from "./late-errors.ts";
export { MAX_UNSEEN_FAILURES, SLOW_CLOSE_MS } from "./limits.ts";
export {
  type ObservableOptions,
  type ObservableTools,
  type ObserveOptions,
  observable,
  observe,
} from "./observable-endpoint.ts";
export { type OverTasksOptions, overActors, overTasks } from "./over-tasks.ts";
export type { PromiseContext, PromiseContextOptions } from "./promise-context.ts";
export type { ArgsAndCall, PeerPortal, PromisePortal, StartedActor, StreamCallOptions } from "./promise-portal.ts";
export type { PullOptions, PullStream } from "./pull-stream.ts";
export { DEFAULT_PUSH_CAPACITY, type PushOptions, type PushStatistics, type PushStream } from "./push-stream.ts";
export { fromReadable, type ToReadableOptions, toReadable, toReadableStream } from "./readable.ts";
export type { Receiver, StreamSource } from "./stream-source.ts";
export type { CallOptions } from "./task-door.ts";
export { intoObserver, TaskObservable, type ToObservableOptions, toObservable } from "./to-observable.ts";
export { type IntoWritableOptions, intoWritable } from "./writable.ts";
