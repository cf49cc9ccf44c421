/** What becomes of whoever uses a guest run that is over, or waits for one that does not end. */
import { type ActorId, foldWhenPrinted } from "../core/mod.ts";

/** Raised by use of a guest run that has failed, or was closed; the reason of its `signal`. */
export class GuestClosed extends Error {
  override readonly name = "GuestClosed";
  readonly guestName: string;
  /** Why it has ended, in words. */
  readonly reason: string;

  /** @param options.cause - the first failure, if it was one that has ended it */
  constructor(guestName: string, reason: string, options?: ErrorOptions) {
    const how = options?.cause === undefined ? "has ended" : "has failed";
    super(`guest run "${guestName}" ${how}: ${reason}; start another one with startGuestRun()`, options);
    this.guestName = guestName;
    this.reason = reason;
  }
}

/** Raised by `guest.close` if the guest has not ended in the time it was given. It goes on ending; `guest.closed` tells. */
export class GuestTooSlow extends Error {
  override readonly name = "GuestTooSlow";
  readonly guestName: string;
  /** Time that it was given, in milliseconds. */
  readonly waitedMs: number;
  /** The tasks that are still there, as text. */
  readonly tasks: string;

  constructor(guestName: string, waitedMs: number, tasks: string) {
    super(
      `guest run "${guestName}" has not ended ${waitedMs} ms after it was told to close; what is still there has to look at its cancellation, or to be run in an actor, which can be killed:\n${tasks}`,
    );
    this.guestName = guestName;
    this.waitedMs = waitedMs;
    this.tasks = tasks;
  }
}

/** Raised by use of a context's handle after it was left. */
export class ContextLeft extends Error {
  override readonly name = "ContextLeft";
  readonly actor: ActorId;

  constructor(actor: ActorId, what: string) {
    super(
      `${what} of a context in actor "${actor.name}" that was left: use it before its block ends, or before close()`,
    );
    this.actor = actor;
  }
}

foldWhenPrinted(GuestClosed, GuestTooSlow, ContextLeft);
