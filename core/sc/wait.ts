/**
 * What a task can wait for. A wait is an operation and its one effect in one object, with a hand-written iterator:
 * that is what makes it cheap, lets it be yielded any number of times, gives it a name in dumps, and lets a suspended
 * task be asked where it stands.
 */
import type { Coroutine, Effect, Operation, Result } from "effection";

/** What performs an effect: one of our tasks, or a coroutine of Effection's own. */
export type Routine = Coroutine;
/** What the iterator of an operation is when it is written as a generator. */
export type Steps<T> = Generator<Effect<unknown>, T, unknown>;
export type Resolve<T> = (result: Result<T>) => void;
/** Undo of a wait: take back what `enter` arranged, then call `done`, at once or later. */
export type Exit = (done: (result: Result<void>) => void) => void;

/** Nothing to take back. */
export const NO_EXIT: Exit = (done) => done(OK);
export const OK: Result<void> = Object.freeze({ ok: true, value: undefined });

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** An `Exit` that calls `undo`. */
export function undoing(undo: () => void): Exit {
  return (done) => {
    undo();
    done(OK);
  };
}

/** Unlike Effection's `Err` this keeps thrown non-errors as they are. */
export function err(error: unknown): { readonly ok: false; error: Error } {
  return { ok: false, error: error as Error };
}

export abstract class Wait<T> implements Operation<T>, Effect<T> {
  /** What a task that stands here waits for, for dumps and errors. */
  abstract readonly description: string;
  /** Whether a cancellation is delivered here: on arrival, and while blocked. */
  get cancellable(): boolean {
    return true;
  }
  /** Whether the host (a promise, a socket, a process) and not one of our tasks or clocks ends this wait. */
  get byHost(): boolean {
    return false;
  }

  /**
   * Begin to wait. `resolve` is called once, at once or later; the returned function is called once, when the wait has
   * settled or is given up. `routine` is our task or a foreign Effection coroutine: `Task.of(routine)` tells.
   */
  abstract enter(resolve: Resolve<T>, routine: Routine): Exit;

  [Symbol.iterator](): Iterator<Effect<unknown>, T, unknown> {
    return new WaitIterator<T>(this);
  }
}

/** Passed to `next` of a suspended task to ask where it stands: travels down its `yield*` chain, runs no user code. */
export class StackProbe {
  stack: string | undefined;
}

class WaitIterator<T> implements Iterator<Effect<unknown>, T, unknown> {
  #wait: Wait<T>;
  #entered = false;

  constructor(wait: Wait<T>) {
    this.#wait = wait;
  }

  next(value?: unknown): IteratorResult<Effect<unknown>, T> {
    if (value instanceof StackProbe) {
      Error.captureStackTrace(value, this.next);
      return { done: false, value: this.#wait };
    }
    if (this.#entered) return { done: true, value: value as T };
    this.#entered = true;
    return { done: false, value: this.#wait };
  }

  throw(error: unknown): never {
    throw error;
  }

  return(value: T): IteratorResult<never, T> {
    return { done: true, value };
  }
}

/** An operation that needs no waiting at all: gives `value` without a step. */
export class Immediate<T> implements Operation<T> {
  readonly #value: T;
  constructor(value: T) {
    this.#value = value;
  }
  [Symbol.iterator](): Iterator<Effect<unknown>, T, unknown> {
    const value = this.#value;
    return { next: () => ({ done: true, value }) };
  }
}
