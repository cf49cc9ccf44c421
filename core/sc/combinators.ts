/** `race` and `all` over a nursery: nothing of them outlives the call, whichever way it ends. */
import type { Operation, Result } from "effection";
import { isCancelled } from "../errors/mod.ts";
import { ExceptionGroup } from "../exception-group.ts";
import { named, openNursery } from "./nursery.ts";
import { sleepForever } from "./sleep.ts";
import { err, ok, type Steps } from "./wait.ts";

type ValueOf<O> = O extends Operation<infer T> ? T : never;
type ValuesOf<O extends readonly unknown[]> = { -readonly [K in keyof O]: ValueOf<O[K]> };

/**
 * Run all operations at once, and go by the first that ends. The others are cancelled, and their clean-up awaited. A
 * race without operations is never decided.
 *
 * @returns the first one's value
 * @throws what the first one threw, bare; ExceptionGroup with it and more, if the clean-up of others failed
 */
export function race<O extends readonly Operation<unknown>[]>(operations: O): Operation<ValueOf<O[number]>> {
  return new Race(operations) as Operation<ValueOf<O[number]>>;
}

/**
 * Run all operations at once, and wait for all. The first that fails cancels the rest.
 *
 * @returns their values, in the order of the operations
 * @throws ExceptionGroup with every error, as a nursery does
 */
export function all<const O extends readonly Operation<unknown>[]>(operations: O): Operation<ValuesOf<O>> {
  return new All(operations) as Operation<unknown> as Operation<ValuesOf<O>>;
}

/** What a race stands at until one of its operations has ended; only by that, or by an error, does it end itself. */
const UNDECIDED: Result<unknown> = Object.freeze({ ok: true, value: undefined });

class Race implements Operation<unknown> {
  readonly #operations: readonly Operation<unknown>[];
  constructor(operations: readonly Operation<unknown>[]) {
    this.#operations = operations;
  }

  *[Symbol.iterator](): Steps<unknown> {
    const operations = this.#operations;
    if (operations.length === 0) return yield* sleepForever();
    let first = UNDECIDED;
    try {
      yield* openNursery(
        function* (n) {
          for (const [i, operation] of operations.entries()) {
            const run = function* (): Operation<void> {
              let outcome: Result<unknown>;
              try {
                outcome = ok(yield* operation);
              } catch (error) {
                // Cancelled, or failed while it was being cancelled: for the nursery to collect.
                if (first !== UNDECIDED || isCancelled(error)) throw error;
                outcome = err(error);
              }
              if (first === UNDECIDED) first = outcome;
              n.cancelScope.cancel("the race is decided");
            };
            n.startSoon(named(`race ${i}`, run));
          }
        },
        { name: "race" },
      );
    } catch (error) {
      if (first.ok) throw error;
      const others = error instanceof ExceptionGroup ? error.errors : [error];
      throw new ExceptionGroup("the first of a race failed, and so did others", [first.error, ...others]);
    }
    if (!first.ok) throw first.error;
    return first.value;
  }
}

class All implements Operation<unknown[]> {
  readonly #operations: readonly Operation<unknown>[];
  constructor(operations: readonly Operation<unknown>[]) {
    this.#operations = operations;
  }

  *[Symbol.iterator](): Steps<unknown[]> {
    const operations = this.#operations;
    const values: unknown[] = new Array(operations.length);
    yield* openNursery(
      function* (n) {
        for (const [i, operation] of operations.entries()) {
          const run = function* (): Operation<void> {
            values[i] = yield* operation;
          };
          n.startSoon(named(`all ${i}`, run));
        }
      },
      { name: "all" },
    );
    return values;
  }
}
