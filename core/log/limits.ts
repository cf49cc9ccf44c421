/** Bounds of the log, each with its reason. */

/**
 * Records that a process keeps while they cannot leave: its link is congested, its stderr is not read, or it has not been
 * greeted yet. More are dropped and counted: what is told of a flood is its beginning, and how long it was.
 */
export const MAX_PENDING_LOG_RECORDS = 1_000;

/** Characters of one record's texts, its fields included: a stack of 100 frames takes about half. */
export const MAX_LOG_RECORD_CHARS = 16 * 1024;

/** Nesting of a record's fields that is kept; what lies deeper is a text. */
export const MAX_LOG_DEPTH = 5;

/** Bytes that may wait in a connection, or in stderr, before records wait in front of it: a quarter of what streams may. */
export const MAX_LOG_BYTES_UNDER_WAY = 256 * 1024;
