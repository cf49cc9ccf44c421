/**
 * How the two worlds of a channel tell each other which of them ended first, and why. What holds for every promise task,
 * with or without a channel, is in `core/errors.ts`.
 */
import { ABORT_CODE, ABORT_NAME, foldWhenPrinted } from "../core/mod.ts";

// ------------------------------------------------------------------------------------ raised on the structured side

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

/** Raised when the scope of a `useClient` ends, if its `close` has not settled in time. */
export class ClientNotClosed extends Error {
  override readonly name = "ClientNotClosed";
  readonly clientName: string;
  /** Time that was allowed, in milliseconds. */
  readonly timeoutMs: number;

  constructor(clientName: string, timeoutMs: number) {
    super(
      `client "${clientName}" was not closed within ${timeoutMs} ms, and its close was told to give up; raise closeTimeoutMs, or close it in a way that does not wait`,
    );
    this.clientName = clientName;
    this.timeoutMs = timeoutMs;
  }
}

// -------------------------------------------------------------------------- reason of the signal on the Promise side

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

foldWhenPrinted(PromiseTaskExited, PromiseNotStarted, ClientNotClosed, ScTaskExited);
