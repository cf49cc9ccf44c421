/** Bounds of a dialog, each with its reason. */

/**
 * Items a message stream takes before its consumer has to keep up: enough to hide a round trip, and the turns of two
 * event loops, at full speed. The receiver chooses (`capacity` of `openStream`).
 */
export const DEFAULT_STREAM_CAPACITY = 4_096;

/**
 * As above, in bytes on the wire: what one stream may make its receiver hold. With a quarter of that items of a mebibyte
 * went one at a time, and half as fast.
 */
export const DEFAULT_STREAM_BYTES = 4 * 1024 * 1024;

/** Time a peer has to acknowledge a cancel request, in milliseconds, before that is reported and escalated. */
export const CANCEL_ACK_TIMEOUT_MS = 2_000;

/** Time a cancelled remote task has to unwind, in milliseconds, once the request has been acknowledged. */
export const CANCEL_UNWIND_TIMEOUT_MS = 10_000;

/**
 * Time by which a deadline may pass earlier at the peer than here, in milliseconds: the two clocks tick apart by about
 * the time the request took.
 */
export const DEADLINE_SKEW_MS = 1_000;

/** How the protocol says that a dialog's payloads are of any type. */
export const ANY_PAYLOAD = "typing.Any";

/** Dialogs that may be open on one connection at once: each costs its task, about a kilobyte and what it works with. */
export const MAX_DIALOGS = 65_536;

/**
 * For a module that exposes a function to be imported here, in milliseconds, where that has to be named by reference. The
 * caller has imported it already, so that takes no time; unless it waits for the caller.
 */
export const NAME_TIMEOUT_MS = 10_000;
