/** How an operation came out, as data. */
import type { Operation } from "effection";

/** What `body` throws. @throws Error if it throws nothing */
export function* errorOf(body: Operation<unknown>): Operation<unknown> {
  let value: unknown;
  try {
    value = yield* body;
  } catch (error) {
    return error;
  }
  throw new Error(`expected an error, and it returned ${String(value)}`);
}
