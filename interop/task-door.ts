/**
 * The way from promises into a nursery: what is called here runs there as a task, and its outcome is a promise's. The
 * nursery's own end is told in the words of whoever owns it, as `Cancelled` means nothing to Promise code.
 */
import type { Operation } from "effection";
import {
  CancelScope,
  ExceptionGroup,
  failAfter,
  isCancelled,
  type Nursery,
  named,
  withAbortSignal,
} from "../core/mod.ts";

/** What bounds one call from Promise code. */
export interface CallOptions {
  /** Cancels the call when it aborts: the promise is rejected with the signal's reason, once everything has unwound. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds the call may take; then it is cancelled, and the promise rejected with `TooSlowError`. */
  readonly timeoutMs?: number | undefined;
}

/** A task that a promise stands for, and that can be cancelled: the promise is then resolved with undefined. */
export interface DoorTask<T> {
  readonly ended: Promise<T | undefined>;
  cancel(reason: string): void;
}

export class TaskDoor {
  readonly #nursery: Nursery;
  readonly #whyClosed: () => unknown;

  /** @param whyClosed - the error for what the nursery's end has cancelled, or kept from starting */
  constructor(nursery: Nursery, whyClosed: () => unknown) {
    this.#nursery = nursery;
    this.#whyClosed = whyClosed;
  }

  /** Where what is called here runs. */
  get nursery(): Nursery {
    return this.#nursery;
  }

  /** Why nothing can be started any more; undefined while something can. */
  get closedBy(): unknown {
    const { closed, cancelScope } = this.#nursery;
    return closed || cancelScope.signal.aborted ? this.#whyClosed() : undefined;
  }

  /** Run `body` as a task. @throws (as rejection) what it throws; what `CallOptions` says; what the owner says of its end */
  async run<T>(name: string, body: () => Operation<T>, options: CallOptions = {}): Promise<T> {
    const bounded = boundedBy(options, body);
    options.signal?.throwIfAborted();
    return await this.#spawn(name, bounded);
  }

  /** As `run`, for what is to be cancelled by other means than a signal. */
  start<T>(name: string, body: () => Operation<T>, options: CallOptions = {}): DoorTask<T> {
    const scope = new CancelScope();
    const ended = this.run(name, () => scope.run(body), options);
    return { ended, cancel: (reason) => scope.cancel(reason) };
  }

  #spawn<T>(name: string, body: () => Operation<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { closedBy } = this;
      if (closedBy !== undefined) return reject(closedBy);
      const task = function* (this: TaskDoor): Operation<void> {
        try {
          resolve(yield* body());
        } catch (error) {
          reject(this.#told(error));
        }
      };
      this.#nursery.startSoon(named(name, task.bind(this)));
    });
  }

  /** What is left of an error for whoever is outside of the tree: no cancellation, unless it came from elsewhere. */
  #told(error: unknown): unknown {
    if (!this.#nursery.cancelScope.signal.aborted) return error;
    if (isCancelled(error)) return this.#whyClosed();
    if (!(error instanceof ExceptionGroup) || !error.holdsCancelled) return error;
    return error.split(isCancelled)[1] ?? this.#whyClosed();
  }
}

/** @throws TypeError, RangeError for what is no signal, or no time */
export function boundedBy<T>({ signal, timeoutMs }: CallOptions, body: () => Operation<T>): () => Operation<T> {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal: give an AbortSignal, got ${typeof signal}`);
  }
  if (timeoutMs !== undefined && !(timeoutMs >= 0)) throw new RangeError(`timeoutMs must be >= 0, got ${timeoutMs}`);
  const inTime = timeoutMs === undefined ? body : () => failAfter(timeoutMs, body);
  return signal === undefined ? inTime : () => withAbortSignal(signal, inTime);
}

/** What a nursery failed with whose tasks are all promises' own, so that it holds one error at most: as it is. */
export function* ownErrors<T>(block: Operation<T>): Operation<T> {
  try {
    return yield* block;
  } catch (error) {
    throw error instanceof ExceptionGroup && error.errors.length === 1 ? error.errors[0] : error;
  }
}
