/** What both tables of outcomes share: naming an outcome, letting the host have its turn, and hearing of warnings. */
import type { Operation } from "effection";
import {
  CancelScope,
  ExceptionGroup,
  failAfter,
  isCancelled,
  openNursery,
  park,
  TooSlowError,
} from "../../core/mod.ts";
import { ScCancelled, ScTaskExited } from "../../to_promise/mod.ts";

/** Let everything run that can run now: one turn of the host's event loop. */
export function hostTurn(): Operation<void> {
  return park(
    "a turn of the host",
    (waker) => {
      const immediate = setImmediate(() => waker.wake());
      return () => {
        clearImmediate(immediate);
        return true;
      };
    },
    { byHost: true },
  );
}

/** `value x`, `Error: message`, or for a group its members in brackets. */
export function describeError(error: unknown): string {
  if (error instanceof ExceptionGroup) return `[${error.errors.map(describeError).join(", ")}]`;
  if (isCancelled(error) || error instanceof TooSlowError) return error.name;
  if (!(error instanceof Error)) return String(error);
  return error.name === "Error" ? `Error: ${error.message}` : error.name;
}

type ScEnd = (op: () => Operation<unknown>, arm: (strike: () => void) => void) => Operation<unknown>;

/** How the structured side ends an operation from outside, when what `arm` was given is called. */
export const SC_ENDS = {
  /** Nothing happens to it. */
  waits: (op) => op(),
  /** The scope around it is cancelled. */
  *cancelled(op, arm) {
    const scope = new CancelScope();
    arm(() => scope.cancel("enough"));
    const value = yield* scope.run(op);
    return scope.cancelledCaught ? "Cancelled" : value;
  },
  /** The time of the scope around it is up. */
  timedOut: (op, arm) =>
    failAfter(3_600_000, (scope) => {
      arm(() => {
        scope.deadline = 0;
      });
      return op();
    }),
} satisfies Record<string, ScEnd>;

/** Perform `op`, and cancel it once it has had a turn of the host; says how it came out. */
export function cancelLater(op: () => Operation<unknown>): Operation<string> {
  return openNursery((nursery) =>
    outcomeOf(() => SC_ENDS.cancelled(op, (strike) => nursery.startSoon(afterHostTurn, strike))),
  );
}

export function* afterHostTurn(then: () => void): Operation<void> {
  yield* hostTurn();
  then();
}

export function* errorOf(op: () => Operation<unknown>): Operation<unknown> {
  try {
    yield* op();
  } catch (error) {
    return error;
  }
  return undefined;
}

export function* outcomeOf(op: () => Operation<unknown>): Operation<string> {
  try {
    const value = yield* op();
    return value === "Cancelled" ? value : `value ${String(value)}`;
  } catch (error) {
    return describeError(error);
  }
}

/** The class of a signal's reason: what the Promise side was told. */
export function describeReason(signal: AbortSignal | undefined): string {
  if (signal === undefined || !signal.aborted) return "nothing";
  if (signal.reason instanceof ScCancelled) return "ScCancelled";
  if (signal.reason instanceof ScTaskExited) {
    return signal.reason.cause === undefined
      ? "ScTaskExited"
      : `ScTaskExited after ${describeError(signal.reason.cause)}`;
  }
  return describeError(signal.reason);
}

/** Names of the warnings the process emits until the callback ends it. Warnings are emitted one tick late. */
export function collectWarnings(onWarning: (warning: Error) => void = () => {}): { names: string[]; stop: () => void } {
  const names: string[] = [];
  const listener = (warning: Error) => {
    names.push(warning.name);
    onWarning(warning);
  };
  process.on("warning", listener);
  return { names, stop: () => process.off("warning", listener) };
}
