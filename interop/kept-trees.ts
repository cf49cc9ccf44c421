/**
 * Trees of tasks behind subscriptions. To unsubscribe is synchronous in RxJS, and a tree takes its time to unwind: here
 * it is kept who is to wait for it, and to hear of what goes wrong meanwhile.
 */
import type { Operation } from "effection";
import { ExceptionGroup, park, type Waker } from "../core/mod.ts";

/** Waits for trees. Whoever keeps a tree gets what it fails with once nobody is subscribed any more. */
export class TreeKeeper {
  readonly #running = new Set<object>();
  readonly #waiters = new Set<Waker<void>>();
  readonly #late: unknown[] = [];

  /** Keep `tree` until `ended` is called for it. */
  keep(tree: object): void {
    this.#running.add(tree);
  }

  ended(tree: object, late?: { readonly error: unknown }): void {
    this.#running.delete(tree);
    if (late !== undefined) this.fail(late.error);
    if (this.#running.size > 0) return;
    for (const waiter of this.#waiters) waiter.wake();
    this.#waiters.clear();
  }

  /** An error that is to come out with those of the trees. */
  fail(error: unknown): void {
    this.#late.push(error);
  }

  /**
   * Wait until none of the trees runs any more.
   *
   * @throws what came too late for a subscriber: the error, an `ExceptionGroup` where there are several
   */
  *allEnded(): Operation<void> {
    while (this.#running.size > 0) {
      yield* park<void>("the tasks behind an observable to unwind", (waker) => {
        this.#waiters.add(waker);
        return () => this.#waiters.delete(waker);
      });
    }
    const [first, ...more] = this.#late.splice(0);
    if (more.length > 0) throw new ExceptionGroup("several trees behind an observable failed", [first, ...more]);
    if (first !== undefined) throw first;
  }
}

let keeperHere: TreeKeeper | undefined;

/** Call `fn`; whatever is subscribed to, or unsubscribed from, before it returns is kept by `keeper`. */
export function keptBy<T>(keeper: TreeKeeper | undefined, fn: () => T): T {
  const before = keeperHere;
  keeperHere = keeper;
  try {
    return fn();
  } finally {
    keeperHere = before;
  }
}

/** The keeper of what is done here and now, if there is one. */
export function currentKeeper(): TreeKeeper | undefined {
  return keeperHere;
}
