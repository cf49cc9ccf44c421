/** From tasks into observables: subscribing runs a tree of tasks, unsubscribing cancels it. */
import type { Operation } from "effection";
import { Observable, type Subscriber } from "rxjs";
import { ClosedResourceError, isCancelled, type RunOptions, reportWarning, run } from "../core/mod.ts";
import type { Backpressure } from "./backpressure.ts";
import { forEachItem, type StreamSource } from "./stream-source.ts";

export interface ToObservableOptions extends RunOptions {
  /** Take no further item while the reader behind the operators has no room; see `Backpressure`. */
  readonly pressure?: Backpressure | undefined;
}

/**
 * The items of `source` as an observable. Items are emitted one by one from the run queue, never from within
 * `subscribe`. Completion and errors come after the tree has unwound. RxJS has no backpressure: without `pressure`,
 * items come as fast as the source gives them.
 *
 * Errors that come after unsubscription, which RxJS would drop, are process warnings of type `LateObservableError`.
 *
 * @param source - a stream or a receiver. Several subscribers share one receiving end, and each item goes to one of
 *   them; give a function that opens one for each subscriber if every one is to have all
 * @throws (as error notification) what `source` throws; `Cancelled` if `options.signal` was aborted
 */
export function toObservable<T>(
  source: StreamSource<T>,
  { pressure, ...options }: ToObservableOptions = {},
): Observable<T> {
  return new Observable<T>((subscriber) => {
    const tree = run(() => emit(source, subscriber, pressure), { name: "toObservable", ...options });
    tree.then(
      () => subscriber.complete(),
      (error: unknown) => {
        if (!subscriber.closed) subscriber.error(error);
        // That what it read from was closed as well is no news to one who has left.
        else if (!isCancelled(error) && !(error instanceof ClosedResourceError)) reportLate(error);
      },
    );
    return () => tree.cancel("the observable was unsubscribed from");
  });
}

function emit<T>(
  source: StreamSource<T>,
  subscriber: Subscriber<T>,
  pressure: Backpressure | undefined,
): Operation<void> {
  return forEachItem(source, function* (item) {
    subscriber.next(item);
    if (pressure !== undefined) yield* pressure.relieved();
    return !subscriber.closed;
  });
}

function reportLate(error: unknown): void {
  reportWarning({
    type: "LateObservableError",
    message: `a stream failed after its observable was unsubscribed from: ${String(error)}`,
    error,
  });
}
