/**
 * How the two worlds tell each other which of them ended first, and why. Raised on the structured side: what became of
 * a promise, other than a result or an error of its own. Given to the Promise side as the reason of its signal: what
 * became of us.
 */
import type { CancelCause, CancelSource } from "../core/mod.ts";

// ------------------------------------------------------------------------------------ raised on the structured side

/**
 * The promise was rejected because something on its own side aborted it (an AbortError, or the reason of a signal that
 * is not ours), while nobody on this side had cancelled it. What it was rejected with is the `cause`.
 */
export class PromiseAborted extends Error {
  override readonly name = "PromiseAborted";
  /** The name of the function whose promise it was. */
  readonly taskName: string;

  constructor(taskName: string, options?: ErrorOptions) {
    const { cause } = options ?? {};
    super(`promise task "${taskName}" aborted itself${cause instanceof Error ? `: ${cause.message}` : ""}`, options);
    this.taskName = taskName;
  }
}

/** Raised by use of a channel whose promise task has returned, which ends the channel in good order. */
export class PromiseTaskExited extends Error {
  override readonly name = "PromiseTaskExited";
  readonly taskName: string;
  /** What the task returned. */
  readonly result: unknown;

  constructor(taskName: string, result: unknown) {
    super(
      `promise task "${taskName}" returned while its channel was open; get its result with waitForResult(), or end in good order with suppressGracefulExits`,
    );
    this.taskName = taskName;
    this.result = result;
  }
}

/** Raised by `openChannelFrom` if its promise task returned, or took too long, before it called `started`. */
export class PromiseNotStarted extends Error {
  override readonly name = "PromiseNotStarted";
  readonly taskName: string;
  /** Time that was allowed, in milliseconds; undefined if the task returned before it was up. */
  readonly timeoutMs: number | undefined;

  constructor(taskName: string, timeoutMs?: number) {
    const what = timeoutMs === undefined ? "returned without calling" : `has not called within ${timeoutMs} ms:`;
    super(`promise task "${taskName}" ${what} chan.started(); call it once the channel is ready for use`);
    this.taskName = taskName;
    this.timeoutMs = timeoutMs;
  }
}

/** A promise did not settle within its grace time after its signal was aborted. Its stack is where the task was made. */
export class PromiseIgnoredAbort extends Error {
  override readonly name = "PromiseIgnoredAbort";
  readonly taskName: string;
  /** Time it was given to settle, in milliseconds. */
  readonly graceMs: number;

  /**
   * @param frames - lines of a stack: where the task was made
   * @param options.cause - the reason its signal was aborted with
   */
  constructor(taskName: string, graceMs: number, frames: string, options?: ErrorOptions) {
    super(
      `promise task "${taskName}" has ignored its abort signal for ${graceMs} ms; pass the signal on to what it awaits, or run it in an actor that can be killed`,
      options,
    );
    this.taskName = taskName;
    this.graceMs = graceMs;
    this.stack = `${this.name}: ${this.message}\n${frames}`;
  }
}

// ------------------------------------------------------------------------- reasons of the signal on the Promise side

/** Both reasons carry the name and the code by which Promise libraries know an abort from a failure. */
const ABORT_NAME = "AbortError";
const ABORT_CODE = "ABORT_ERR";

/** The reason of a promise task's signal when the structured side was cancelled. */
export class ScCancelled extends Error {
  override readonly name = ABORT_NAME;
  readonly code = ABORT_CODE;
  readonly source: CancelSource;
  readonly reason: string;
  /** The task or actor that asked for the cancellation, where it is known. */
  readonly canceller: string | undefined;

  constructor(by: Pick<CancelCause, "source" | "reason" | "canceller">, options?: ErrorOptions) {
    super(`cancelled${by.canceller === undefined ? "" : ` by ${by.canceller}`}: ${by.reason}`, options);
    this.source = by.source;
    this.reason = by.reason;
    this.canceller = by.canceller;
  }
}

/** The reason of a promise task's signal when the structured side has left the channel's block. */
export class ScTaskExited extends Error {
  override readonly name = ABORT_NAME;
  readonly code = ABORT_CODE;
  readonly taskName: string;

  /** @param options.cause - the error that made the block end, if it failed */
  constructor(taskName: string, options?: ErrorOptions) {
    const how = options?.cause === undefined ? "was left" : "failed";
    super(`the block that opened the channel of promise task "${taskName}" ${how}`, options);
    this.taskName = taskName;
  }
}

/** Whether a Promise library says by `error` that it was aborted. */
export function isAbortError(error: unknown): boolean {
  return error instanceof Error && (error.name === ABORT_NAME || ("code" in error && error.code === ABORT_CODE));
}
