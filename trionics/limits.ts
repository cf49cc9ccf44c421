/** Bounds of the helpers, each with its reason. */

/** Nesting of a key's arrays and objects: a key is written down by a function that calls itself. */
export const MAX_KEY_DEPTH = 16;

/** Characters of a key, a command or an item that an error shows: what it was, not all that it was. */
export const MAX_SHOWN_CHARS = 200;

/** Bytes of one line of a command's output, unless told otherwise; as much as a pipe holds. */
export const DEFAULT_LINE_BYTES = 64 * 1024;

/** The most that can be asked for: it is kept in memory for each stream. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** From SIGTERM to SIGKILL for a command, in milliseconds: it was not asked before, and may have files to write. */
export const COMMAND_GRACE_MS = 5_000;

/** From the end of a command until its output must have come, in milliseconds; what has left its group may hold the pipe. */
export const OUTPUT_DRAIN_MS = 200;

/** For relayed output to be taken by the log once the command is gone, in milliseconds. */
export const RELAY_DRAIN_MS = 1_000;

/**
 * From the failure of a command whose output is read until the block is cancelled, in milliseconds. Each line that is
 * taken starts it anew, so that a reader sees what came before the failure.
 */
export const UNREAD_GRACE_MS = 1_000;

/** From the end of a command's input until it has ended itself, in milliseconds; later it is another matter. */
export const BROKEN_INPUT_MS = 1_000;

/** Actors of one cluster: each is a process of some 40 MiB, and more than that is a mistake in a number. */
export const MAX_CLUSTER_SIZE = 1_024;

/** Results of `actorMap` that wait for their reader, for each call that may be under way: they hide the reader's turn. */
export const RESULTS_AHEAD = 2;

/** For an async iterable that `actorMap` has not read to its end to be closed, in milliseconds. */
export const ITEMS_CLOSE_MS = 5_000;
