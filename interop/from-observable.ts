/** From observables into tasks. RxJS pushes and nothing can hold it up, so there is a bounded buffer in between. */
import { type Operation, resource } from "effection";
import { from, type InteropObservable, Observable, Subject, type Subscribable, takeUntil } from "rxjs";
import type { Backpressure } from "./backpressure.ts";
import { PushBuffer, type PushOptions, type PushStream } from "./push-stream.ts";

/** An observable of any library: of RxJS, or whatever has `Symbol.observable` or `subscribe(observer)`. */
export type ObservableLike<T> = Observable<T> | Subscribable<T> | InteropObservable<T>;

export interface FromObservableOptions extends PushOptions {
  /** Holds up the `toObservable` at the near end of the pipeline while the buffer is half full or more. */
  readonly pressure?: Backpressure | undefined;
}

/**
 * Subscribe to `source`, once for each time this is performed, until the caller's Effection scope ends: that of the
 * task, or of a `scoped(...)` around it. The source's teardown has run by then.
 *
 * `for (const item of yield* each(fromObservable(source$)))`, or `const stream = yield* fromObservable(source$)` and
 * then `stream.receive()`. Completion ends the stream; an error is thrown after the items that came before it.
 *
 * A source that emits without end while it is subscribed to can be stopped only by the `"error"` policy.
 *
 * @throws RangeError if `capacity` is not a whole number >= 1
 * @throws what the teardown of `source` throws, when the scope ends
 */
export function fromObservable<T>(
  source: ObservableLike<T>,
  options: FromObservableOptions = {},
): Operation<PushStream<T>> {
  new PushBuffer<T>("the observable", options); // a bad bound fails here, at the call, and not when it is performed
  return resource(function* (provide) {
    const buffer = new PushBuffer<T>("the observable", options, options.pressure);
    // A source may emit everything before `subscribe` returns: this stops it from within.
    const stop = new Subject<void>();
    const subscription = toRx(source)
      .pipe(takeUntil(stop))
      .subscribe({
        next: (item) => {
          if (!buffer.push(item)) stop.next();
        },
        error: (error: unknown) => buffer.fail(error),
        complete: () => buffer.end(),
      });
    try {
      yield* provide(buffer);
    } finally {
      buffer.dispose();
      subscription.unsubscribe();
    }
  });
}

function toRx<T>(source: ObservableLike<T>): Observable<T> {
  if (source instanceof Observable) return source;
  if (isInterop(source)) return from(source);
  return new Observable((subscriber) => source.subscribe(subscriber));
}

function isInterop<T>(source: ObservableLike<T>): source is InteropObservable<T> {
  const key: unknown = Reflect.get(Symbol, "observable") ?? "@@observable";
  return typeof key === "symbol" || typeof key === "string" ? key in source : false;
}
