/** What can go wrong with `runInWorker` besides what the function itself throws. */

import { foldWhenPrinted } from "../stack-frames.ts";

/** Raised when a worker thread cannot import the module of the function; `cause` is what importing threw. */
export class WorkerImportError extends Error {
  override readonly name = "WorkerImportError";
  readonly url: string;

  constructor(url: string, cause: unknown) {
    super(`a worker thread cannot import ${url}: ${textOf(cause)}`, { cause });
    this.url = url;
  }
}

/** Raised for a value that cannot be copied from one thread to the other; `cause` says what in it stands in the way. */
export class WorkerCloneError extends TypeError {
  override readonly name = "WorkerCloneError";
  /** The call, by its name. */
  readonly call: string;
  /** What could not be copied: `argument 0`, `arguments`, `result` or `thrown value`. */
  readonly what: string;

  constructor(call: string, what: string, cause: unknown) {
    super(
      `${call}: ${what} cannot be passed between threads (${textOf(cause)}); use what structured clone can copy: plain data, no functions`,
      { cause },
    );
    this.call = call;
    this.what = what;
  }
}

/**
 * Raised when the worker thread ended before the function did: by `process.exit`, for lack of memory, or by an error
 * that nobody caught, which is then the `cause`.
 */
export class WorkerDied extends Error {
  override readonly name = "WorkerDied";
  /** The call, by its name. */
  readonly call: string;
  readonly exitCode: number;

  constructor(call: string, exitCode: number, options?: ErrorOptions) {
    const why = options?.cause === undefined ? "" : `: ${textOf(options.cause)}`;
    super(`${call}: its worker thread ended with exit code ${exitCode} before the function did${why}`, options);
    this.call = call;
    this.exitCode = exitCode;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

foldWhenPrinted(WorkerImportError, WorkerCloneError, WorkerDied);
