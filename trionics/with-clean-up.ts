/** Clean-up whose failure hides nothing. JavaScript's `finally` drops the error that it was entered by if it throws itself. */
import type { Operation, Result } from "effection";
import { Event, named, openNursery, shielded } from "../core/mod.ts";
import { holdsCancelled, throwAll } from "./outcome.ts";

/**
 * Run `body`, and then `cleanUp`, however `body` has ended; out of reach of cancellations, so give it a time-out if it may
 * not end.
 *
 * @returns what `body` returned
 * @throws what either of them throws, as it is; ExceptionGroup with both if both do, a cancellation of `body` included
 */
export function* withCleanUp<T>(body: () => Operation<T>, cleanUp: () => Operation<unknown>): Operation<T> {
  const bodyEnded = new Event("the body to end, before its clean-up");
  const errors: unknown[] = [];
  let outcome: Result<T> | undefined;
  function* cleanUpLast(): Operation<void> {
    yield* bodyEnded.wait();
    try {
      yield* cleanUp();
    } catch (error) {
      errors.push(error);
    }
  }
  try {
    // A task of its own, which is waited for also where a failing task of Effection tears this frame down.
    yield* openNursery(
      function* (nursery) {
        nursery.startSoon(named("clean-up", () => shielded(cleanUpLast)));
        try {
          outcome = { ok: true, value: yield* body() };
        } catch (error) {
          if (holdsCancelled(error)) throw error;
          errors.push(error);
        } finally {
          bodyEnded.set();
        }
      },
      { name: "withCleanUp" },
    );
  } catch (error) {
    errors.unshift(error);
  }
  throwAll("a body and its clean-up failed", errors);
  return (outcome as unknown as Result<T> & { readonly ok: true }).value;
}
