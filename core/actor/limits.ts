/** Bounds on the life of a process, each with its reason. All in milliseconds unless told otherwise. */

/** From spawn until a child serves: Node, a loader and the user's own imports, on a loaded machine. */
export const SPAWN_TIMEOUT_MS = 30_000;

/** For a child to acknowledge its cancel request: it only has to turn its event loop once. */
export const ACTOR_ACK_TIMEOUT_MS = 1_000;

/** For a child that has acknowledged to unwind its tasks and exit. */
export const ACTOR_UNWIND_TIMEOUT_MS = 5_000;

/** From SIGTERM to SIGKILL: a child that did not answer is likely stuck, and stays so. */
export const TERM_GRACE_MS = 500;

/** From SIGKILL until the process must have gone. Longer means a process that even the kernel cannot end. */
export const KILL_TIMEOUT_MS = 10_000;

/** For an actor to unwind once the link to its parent has ended; then it exits as it stands. */
export const ORPHAN_GRACE_MS = 750;

/** From a parent's death until the guard kills those of its children that are still there: more than their grace. */
export const ORPHAN_KILL_MS = 900;

/** Times that a guard which has gone is started anew. One is killed by accident, a fourth for a reason. */
export const MAX_GUARD_RESTARTS = 3;

/** Failures of a host program that are told of one by one, until its process has ended; of more there is the number. */
export const MAX_HOST_FAILURES = 16;

/** For the last messages of an ending actor to leave, when its parent does not read them. */
export const FLUSH_TIMEOUT_MS = 500;

/** From the exit of a process until its stderr must have ended; others may hold the pipe open. */
export const STDERR_DRAIN_MS = 200;

/** Bytes kept of the end of a child's stderr, for the error that tells of its death. */
export const STDERR_TAIL_BYTES = 4_096;

/** Between two looks of the watchdog at the parent's pid: a look is one system call. */
export const WATCHDOG_PERIOD_MS = 250;

/** From the watchdog's seeing that the parent is gone until the main thread must have noticed too. */
export const WATCHDOG_PATIENCE_MS = 500;

/** Peers connected to one actor at once, besides its parent and its children: each costs a socket and its buffers. */
export const MAX_PEERS = 1_024;

/** Blanks that a nursery may keep: each holds some 13 MiB, and more than a machine has cores only take turns to start. */
export const MAX_WARM = 64;

/** From the taking of a blank until the next is started: by then the new actor has answered its first requests. */
export const WARM_REFILL_MS = 100;

/** Blanks that die one after the other while they wait; then no more are started: it is no accident. */
export const MAX_BLANK_DEATHS = 5;

/** Between two looks whether a group of processes has gone: a look is one system call, and some 100 where any is left. */
export const GROUP_LOOK_MS = 20;

/** Actors in a registry: each takes about a kilobyte. Those of a tree are bounded by its processes, others by this. */
export const MAX_REGISTERED_ACTORS = 65_536;

/** Levels of a tree, as far as a registrar believes what it is told. */
export const MAX_TREE_DEPTH = 256;

/** Joins and leaves that wait for the reader of a watch: what happens while it deals with one of them. */
export const MAX_PENDING_ACTOR_EVENTS = 1_024;

/** For a look-up to be answered: a few hops between processes that only have to turn their event loops. */
export const LOOK_UP_TIMEOUT_MS = 10_000;

/** How long a connection to a peer is kept after its last use: longer than a pause between two calls of one job. */
export const PEER_IDLE_MS = 10_000;

/** From the loss of a registrar of another program until it is looked for again, each time. */
export const REGISTRAR_RETRY_MS = 500;

/** Times that two programs may take an address from each other's hands before they say that it cannot be had. */
export const MAX_REGISTRAR_ATTEMPTS = 20;

/** Joins and leaves under way to a watch in another process; more wait in the registrar, up to the bound above. */
export const WATCH_STREAM_CAPACITY = 64;

/** For a program that ends to take its actors back from a plain registrar, which does not see that it has gone. */
export const LEAVE_TIMEOUT_MS = 2_000;

/** For an actor that holds a global name, and cannot be reached any more, to have gone: its teardown, which is bounded. */
export const HOLDER_GONE_TIMEOUT_MS = 20_000;
