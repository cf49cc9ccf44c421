/** What came of an operation, as a value: so that a test can go on and look at it. */
import type { Operation } from "effection";

/** What `operation` threw, or else what it returned. */
export function* outcomeOf<T>(operation: Operation<T>): Operation<T | unknown> {
  try {
    return yield* operation;
  } catch (error) {
    return error;
  }
}

/** A promise and what settles it. */
export function withResolvers<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}
