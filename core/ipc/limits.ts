/** Bounds of a connection, each with its reason. */

/** Longest frame before the handshake is over, in bytes: an `Aid` takes about 200. */
export const MAX_HANDSHAKE_FRAME_BYTES = 64 * 1024;

/**
 * Outgoing bytes that may wait in a connection before streams are held back, whatever credit they have: enough to keep
 * the socket busy while the event loop turns, little enough that a stalled peer costs nothing.
 */
export const CONGESTION_BYTES = 1024 * 1024;

/**
 * Bytes of messages that leave amid a turn, for the peer to begin with; from here on they wait for its end, where one
 * system call takes more of them.
 */
export const EARLY_FLUSH_BYTES = 32 * 1024;

/** Bytes of stream items that leave at once where nothing else waits: the peer reads them while the next are made. */
export const FULL_WRITE_BYTES = 64 * 1024;

/**
 * Parts of long messages that wait in a connection for the peer to take them: one more than one keeps the socket busy,
 * and what follows them waits for no more than these.
 */
export const MAX_PARTS_UNDER_WAY = 2;

/** For a connection to be made, in milliseconds: on one host it takes microseconds, across networks some round trips. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** For a peer that has connected to say who it is, in milliseconds. Then it is disconnected. */
export const HANDSHAKE_TIMEOUT_MS = 5_000;

/**
 * For a message that has begun to go on arriving, in milliseconds. Then the peer is disconnected: nothing that it says
 * later could be told from the rest of that message. Long enough for a peer that is paused or swapped out; one that
 * stands still longer than that in a debugger, in the middle of a message, is lost.
 */
export const FRAME_STALL_TIMEOUT_MS = 20_000;

/** Shortest secret, in bytes: 128 bits, where they are random. Who hears a challenge may try guesses in peace. */
export const MIN_SECRET_BYTES = 16;

/** Longest secret, in bytes: more is no secret, but a file given by mistake. */
export const MAX_SECRET_BYTES = 1_024;

/**
 * Peers at one address that have connected and have not shown yet that they know the secret. Each costs a socket and
 * what its TLS needs. For one more the one that has waited longest is dropped: who only connects cannot keep others out.
 */
export const MAX_UNAUTHENTICATED = 64;

/** Refused peers of one address that are logged within `REFUSAL_LOG_PERIOD_MS`; the others are counted. */
export const MAX_REFUSALS_LOGGED = 10;

/** For which refused peers are counted together, in milliseconds. */
export const REFUSAL_LOG_PERIOD_MS = 60_000;

/**
 * Silence after which a TCP connection asks whether the peer's host is still there, in milliseconds: one that has lost
 * its power or its network says nothing.
 */
export const KEEP_ALIVE_MS = 15_000;

/** Times that a Unix socket is taken for dead and found anew before it counts as in use: others may replace it as well. */
export const MAX_BIND_ATTEMPTS = 5;

/** Times that nobody must answer on a Unix socket before it counts as dead, and the time between two, in milliseconds. */
export const LOOKS_AT_DEAD_SOCKET = 3;
export const DEAD_SOCKET_PAUSE_MS = 50;
