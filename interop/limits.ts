/** Bounds of guest runs, each with its reason. In milliseconds unless told otherwise. */

/** From `guest.close()` until it is reported what holds it up: longer than an actor's whole way to its kill. */
export const SLOW_CLOSE_MS = 10_000;

/** Failures of contexts that nobody has looked at yet, kept until somebody does; of more than these the oldest is reported. */
export const MAX_UNSEEN_FAILURES = 64;
