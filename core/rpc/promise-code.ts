/** Promise code that is served: always waited for, however long it takes; cancellation reaches it through its signal. */
import type { Operation } from "effection";
import { park } from "../sc/park.ts";
import { shielded } from "../sc/timeouts.ts";
import type { SendStream } from "./stream-ends.ts";

/** Wait until a promise has settled, however long: cancellation reaches its code through `signal`. */
export function* settledPromise<T>(promise: PromiseLike<T>, label: string, signal: AbortSignal): Operation<T> {
  try {
    return yield* park<T>(
      `promise of ${label}`,
      (waker) => {
        promise.then(waker.wake, waker.fail);
        return () => false;
      },
      { byHost: true },
    );
  } catch (error) {
    throw signal.aborted && error instanceof Error && error.name === "AbortError" ? signal.reason : error;
  }
}

/**
 * Send every item of `source`, as fast as `out` takes them. Left early, the source is closed as `for await` would, and
 * that is waited for.
 */
export function* sendAll(
  source: AsyncIterable<unknown>,
  out: SendStream<unknown>,
  label: string,
  signal: AbortSignal,
): Operation<void> {
  const items = source[Symbol.asyncIterator]();
  for (;;) {
    const next = yield* settledPromise(items.next(), label, signal);
    if (next.done === true) return;
    try {
      yield* out.send(next.value);
    } catch (error) {
      if (items.return !== undefined) {
        const closed = items.return();
        yield* shielded(() => settledPromise(closed, label, signal));
      }
      throw error;
    }
  }
}
