/** How a body came out, and what went wrong beside it. */
import { ExceptionGroup, isCancelled } from "../core/mod.ts";

/** Whether an error is a cancellation, or carries one: then it has further to unwind. */
export function holdsCancelled(error: unknown): boolean {
  return isCancelled(error) || (error instanceof ExceptionGroup && error.holdsCancelled);
}

/** Throw what there is: one error as it is, several as a group. */
export function throwAll(what: string, errors: readonly unknown[]): void {
  if (errors.length > 1) throw new ExceptionGroup(what, errors);
  if (errors.length === 1) throw errors[0];
}
