/** Bounds on Promise code, each with its reason. */

/**
 * Milliseconds that promise code has to settle once its signal is aborted, before it is reported: enough to close a
 * connection or to drop a request in flight, and less than an actor gets before it is killed.
 */
export const DEFAULT_GRACE_MS = 1_000;

/** Things that one promise task is watched for at a time, with `leaks`: each costs a stack; more are not looked at. */
export const MAX_WATCHED_RESOURCES = 10_000;

/** Of what a task left behind, those that are listed with the stack of their making; the others are counted. */
export const MAX_LISTED_LEAKS = 16;

/** Of what a task seems to wait for, those that are named in the report of an ignored abort. */
export const MAX_LISTED_WAITS = 4;

/** Frames kept of the stack in which something was made: the caller's own among those of the library. */
export const CREATION_FRAMES = 16;

/** Frames looked through for those of the user's, where a task is told to have ignored an abort: its whole stack. */
export const TASK_FRAMES = 200;

/** Steps that are looked back for a frame of the user's: from a handle to the callback that made it, and what made that. */
export const MAX_CREATION_CHAIN = 4;

/** Turns of the event loop for what is being closed to be gone, before it counts as left behind. */
export const LEAK_TURNS = 4;
