/** Bounds of the wire, each with its reason. Readers and writers take overrides; nothing here is read from outside. */

/**
 * Longest payload of one frame, in bytes. Large enough for any message people send on purpose, small enough that one
 * connection cannot make a process hold more than this while it waits for the rest of a frame.
 */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/**
 * A message longer than this, in bytes, is sent in parts, so that the messages of other dialogs need not wait until it
 * has left. Cutting shorter ones would gain nothing: about as much may wait in a connection before its streams pause.
 */
export const MAX_WHOLE_BYTES = (1024 + 64) * 1024;

/** Bytes of one part; what follows waits for two of them at most, some 40 ms on a link of 100 Mbit/s. */
export const MAX_PART_BYTES = 256 * 1024;

/** Messages in parts that a peer may have under way at once; the others of them wait for their turn. */
export const MAX_MESSAGES_IN_PARTS = 4;

/** Bytes of the length that precedes each payload. */
export const FRAME_HEADER_BYTES = 4;

/**
 * Nesting of one payload: values in arrays, maps and extension types. Encoder and decoder recurse once per level, so
 * this is what keeps a hostile or cyclic value from overflowing the stack.
 */
export const MAX_VALUE_DEPTH = 100;

/** Offending fields named in one `MsgTypeError`; the first few tell what is wrong, the rest would be noise. */
export const MAX_REPORTED_ISSUES = 8;

/** Characters of text (message, stack, strings in data) kept of one error; a stack of 100 frames takes about a tenth. */
export const MAX_BOXED_ERROR_BYTES = 64 * 1024;

/**
 * Characters of text kept of one error together with its causes and the errors it groups. An `Error` must always fit in
 * a frame: this many characters take at most three times as many bytes.
 */
export const MAX_BOXED_TREE_BYTES = 1024 * 1024;

/** Causes followed from one error; chains longer than this are loops or retries that wrap each other. */
export const MAX_CAUSE_DEPTH = 16;

/** Errors kept of one group; the number of the others is kept in their place. */
export const MAX_GROUP_ERRORS = 64;

/** Depth to which the data of one error is kept. */
export const MAX_BOXED_DEPTH = 8;

/** Levels of nesting that causes, groups and data add to a message in all; with what follows they stay within a value's. */
export const MAX_BOXED_LEVELS = 80;

/** Own enumerable properties (of an error or of an object in its data), or items of a list, that are kept. */
export const MAX_BOXED_PROPERTIES = 128;

/** Actors kept of a relay path; a longer one means that actors hand an error to each other in a ring. */
export const MAX_RELAY_PATH = 64;

/** First size of an outgoing buffer, in bytes: a turn of small messages fits in one, and it is cheap to allocate. */
export const OUTGOING_BUFFER_BYTES = 64 * 1024;

/** An outgoing buffer larger than this, in bytes, is let go once taken: one long message must not pin its memory. */
export const MAX_KEPT_BUFFER_BYTES = 4 * OUTGOING_BUFFER_BYTES;

/** Longest map key, in bytes, of which a reader remembers the text it stood for; field names are shorter than this. */
export const MAX_CACHED_KEY_BYTES = 32;

/** Keys that one reader remembers; a power of two. Those of one program's messages fit. */
export const CACHED_KEYS = 512;

/** The same for what names functions, modules and actors, of which a connection sees the same few again and again. */
export const MAX_CACHED_NAME_BYTES = 256;
export const CACHED_NAMES = 64;

/** Bytes a writer may reserve beyond what it then uses, so that short texts need not be counted before they are written. */
export const RESERVED_TOO_MUCH_BYTES = 16 * 1024;

/** A batch of stream items is closed once it has this many bytes: more per frame is no faster, and delays other dialogs. */
export const MAX_BATCH_BYTES = 64 * 1024;

/** Items in one batch at most; what its count, a uint16, holds. */
export const MAX_BATCH_ITEMS = 65535;
