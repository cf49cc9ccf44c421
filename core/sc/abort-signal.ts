/** From a host's `AbortSignal` to a cancel scope; the other way is `CancelScope.signal`. */
import type { Operation } from "effection";
import { CancelScope } from "./cancel-scope.ts";
import type { Steps } from "./wait.ts";

/**
 * Run `body`, and cancel it when `signal` aborts. The listener is gone when this ends, however it ends.
 *
 * @returns what `body` returned, also if the signal aborted when it was too late to cancel
 * @throws the signal's `reason`, if `body` was cancelled by it
 */
export function withAbortSignal<T>(signal: AbortSignal, body: () => Operation<T>): Operation<T> {
  return new WithAbortSignal(signal, body);
}

class WithAbortSignal<T> implements Operation<T> {
  readonly #signal: AbortSignal;
  readonly #body: () => Operation<T>;

  constructor(signal: AbortSignal, body: () => Operation<T>) {
    this.#signal = signal;
    this.#body = body;
  }

  *[Symbol.iterator](): Steps<T> {
    const signal = this.#signal;
    const scope = new CancelScope();
    const onAbort = () => scope.cancelWith("host", `the given signal was aborted: ${String(signal.reason)}`);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
    try {
      const value = yield* scope.run(this.#body);
      if (scope.cancelledCaught) throw signal.reason;
      return value as T;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }
}
