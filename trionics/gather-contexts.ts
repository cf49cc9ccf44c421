/** Entering many block-scoped resources at once, after tractor's `gather_contexts`. */
import type { Operation } from "effection";
import { Event, named, openNursery } from "../core/mod.ts";

/** Opens something for as long as `body` runs: `(body) => portal.openContext(ticks, { symbol }, body)`, say. */
export type Opener<T> = (body: (value: T) => Operation<void>) => Operation<unknown>;

/**
 * Enter all of `openers` at once, run `body` with their values in the order of the openers, then leave them all at once.
 *
 * @returns what `body` returned
 * @throws ExceptionGroup if an opener fails, to enter or to leave, or `body` does; the others are unwound first
 */
export function* gatherContexts<T extends readonly unknown[], R>(
  openers: { readonly [K in keyof T]: Opener<T[K]> },
  body: (values: T) => Operation<R>,
): Operation<R> {
  const values: unknown[] = new Array(openers.length);
  const allEntered = new Event("all contexts to be entered");
  const leave = new Event("the block around the contexts to be left");
  let missing = openers.length;
  if (missing === 0) allEntered.set();

  function* hold(opener: Opener<unknown>, i: number): Operation<void> {
    let entered = false;
    yield* opener(function* (value) {
      entered = true;
      values[i] = value;
      if (--missing === 0) allEntered.set();
      yield* leave.wait();
    });
    if (!entered) throw new Error(`opener ${i} of ${openers.length} returned without running its body`);
  }

  return yield* openNursery(
    function* (nursery) {
      for (const [i, opener] of openers.entries()) nursery.startSoon(named(`context ${i}`, hold), opener, i);
      yield* allEntered.wait();
      const result = yield* body(values as unknown as T);
      leave.set();
      return result;
    },
    { name: "gatherContexts" },
  );
}
