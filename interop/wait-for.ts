/** Waiting for a promise that nobody can hurry: a cancellation ends the wait, and leaves the promise to itself. */
import type { Operation } from "effection";
import { park } from "../core/mod.ts";

/** @param description - what is waited for, for dumps */
export function waitFor<T>(promise: PromiseLike<T>, description: string): Operation<T> {
  return park<T>(
    description,
    (waker) => {
      promise.then(waker.wake, waker.fail);
      return () => true;
    },
    { byHost: true },
  );
}
