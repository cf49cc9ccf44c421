/** What goes wrong among tasks and scopes of one process. The names are trio's. */
import { foldWhenPrinted } from "../stack-frames.ts";

/** What set a cancellation off: a call to `cancel()`, a deadline, a failing sibling, the host program, or a peer. */
export type CancelSource = "cancel" | "deadline" | "nursery" | "host" | "peer";

/** Why a scope was cancelled and by whom; what a `Cancelled` carries and what a remote canceller is told. */
export interface CancelCause {
  readonly source: CancelSource;
  readonly reason: string;
  /** The task (its name) or actor (formatted id) that asked, where it is known. */
  readonly canceller?: string | undefined;
  /** The error that made a nursery cancel the rest of its children. */
  readonly error?: unknown;
}

/**
 * Thrown into a task at every checkpoint while a cancel scope around it is cancelled, until that scope is left. Never
 * swallow it: a `catch` that takes everything rethrows what `isCancelled` recognises. One instance is shared by all
 * tasks of one cancellation; its stack shows who cancelled.
 */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
  readonly source: CancelSource;
  readonly reason: string;
  readonly canceller: string | undefined;

  constructor(cause: CancelCause) {
    super(
      `cancelled${cause.canceller ? ` by ${cause.canceller}` : ""}: ${cause.reason}`,
      cause.error === undefined ? undefined : { cause: cause.error },
    );
    this.source = cause.source;
    this.reason = cause.reason;
    this.canceller = cause.canceller;
  }
}

/** True for the exception that unwinds a cancelled task, which every `catch` must let by. */
export function isCancelled(error: unknown): error is Cancelled {
  return error instanceof Cancelled;
}

/** Raised by `failAfter` and `failAt` when the time was up before the body ended. */
export class TooSlowError extends Error {
  override readonly name = "TooSlowError";
  /** Time that was allowed, in milliseconds; undefined where a point in time was given. */
  readonly timeoutMs: number | undefined;

  constructor(timeoutMs?: number) {
    super(timeoutMs === undefined ? "deadline has passed" : `took longer than ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** Raised by `receive` once every sending end is closed and everything sent has been received. */
export class EndOfChannel extends Error {
  override readonly name = "EndOfChannel";
  constructor(what = "channel") {
    super(`end of ${what}: every sender has closed and all items were received`);
  }
}

/** Raised where the other end of a resource is gone, such as `send` when every receiver has closed. */
export class BrokenResourceError extends Error {
  override readonly name = "BrokenResourceError";
  constructor(what = "the other end is closed", options?: ErrorOptions) {
    super(what, options);
  }
}

/** Raised by use of something that this side has closed already. */
export class ClosedResourceError extends Error {
  override readonly name = "ClosedResourceError";
  constructor(what = "this end is closed") {
    super(what);
  }
}

/** Raised where two tasks use at once what only one may. */
export class BusyResourceError extends Error {
  override readonly name = "BusyResourceError";
  constructor(what: string) {
    super(what);
  }
}

/** Raised by the `…Nowait` forms where the plain form would have to wait. */
export class WouldBlock extends Error {
  override readonly name = "WouldBlock";
  constructor(what = "would have to wait") {
    super(what);
  }
}

/** Raised by `receive` of a subscriber that reads too slowly, once for each gap; the next `receive` goes on after it. */
export class Lagged extends Error {
  override readonly name = "Lagged";
  /** Items that were dropped before this subscriber received them. */
  readonly missed: number;
  /** Items that are kept for slow subscribers. */
  readonly capacity: number;

  constructor(missed: number, capacity: number) {
    super(
      `this subscriber fell behind and missed ${missed} item${missed === 1 ? "" : "s"}: the broadcast keeps the last ${capacity}; read faster, raise its capacity, or subscribe with onLag: "skip"`,
    );
    this.missed = missed;
    this.capacity = capacity;
  }
}

foldWhenPrinted(
  Cancelled,
  TooSlowError,
  EndOfChannel,
  BrokenResourceError,
  ClosedResourceError,
  BusyResourceError,
  WouldBlock,
  Lagged,
);
