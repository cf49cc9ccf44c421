/** From observables into tasks. RxJS pushes and nothing can hold it up, so there is a bounded buffer in between. */
import { ensure, type Operation, resource } from "effection";
import { CancelScope } from "../core/mod.ts";
import { type FromObservableOptions, Intake, type ObservableLike } from "./intake.ts";
import { PushBuffer, type PushStream } from "./push-stream.ts";

/**
 * Subscribe to `source`, once for each time this is performed, until the caller's Effection scope ends: that of the
 * task, or of a `scoped(...)` around it. By then the source's teardown has run, and what `toObservable` and `observe`
 * had started for it has unwound, through whatever operators.
 *
 * `for (const item of yield* each(fromObservable(source$)))`, or `const stream = yield* fromObservable(source$)` and
 * then `stream.receive()`. Completion ends the stream; an error is thrown after the items that came before it.
 *
 * A source that emits without end while it is subscribed to can be stopped only by the `"error"` policy.
 *
 * @throws RangeError if `capacity` is not a whole number >= 1, or `overflow` is none of its three
 * @throws what the teardown of `source` throws, when the scope ends. Effection's `scoped` then loses the error of its own
 * body, if there is one; `openObservable` does not
 */
export function fromObservable<T>(
  source: ObservableLike<T>,
  options: FromObservableOptions = {},
): Operation<PushStream<T>> {
  new PushBuffer<T>("the observable", options); // a bad bound fails here, at the call, and not when it is performed
  return resource(function* (provide) {
    const intake = new Intake<T>(options);
    yield* ensure(() => intake.close());
    intake.open(source);
    yield* provide(intake.items);
  });
}

/**
 * Subscribe to `source` and run `body` with its items; see `fromObservable`. When the block is left, however that is,
 * the source is unsubscribed from, and its teardown has run when this returns.
 *
 * @returns what `body` returned
 * @throws ExceptionGroup if both the body and the teardown of `source` failed; else what one of them throws
 * @throws RangeError for a bad option
 */
export function* openObservable<T, R>(
  source: ObservableLike<T>,
  body: (items: PushStream<T>) => Operation<R>,
  options: FromObservableOptions = {},
): Operation<R> {
  if (typeof body !== "function") {
    throw new TypeError(`openObservable(source, body) takes its block as a generator function, got ${typeof body}`);
  }
  const intake = new Intake<T>(options);
  // Its own scope, so that in a foreign Effection task too a halt is a cancellation and waits.
  return (yield* new CancelScope().run(() =>
    intake.use((items) => {
      intake.open(source);
      return body(items);
    }),
  )) as R;
}
