/**
 * Waits that are mostly over before they begin, such as for an item of a stream that has some. A step through the run
 * queue, and back down the whole `yield*` chain of a task, costs more than such an item; so a task may take a bounded
 * number of them in place before the others have their turn.
 */
import type { Effect, Result } from "effection";
import { runningTask } from "./task.ts";
import { Wait } from "./wait.ts";

export abstract class PromptWait<T> extends Wait<T> {
  /** What it gives at once, if anything: then it has happened, and nothing is entered. */
  abstract attempt(): Result<T> | undefined;

  override [Symbol.iterator](): Iterator<Effect<unknown>, T, unknown> {
    return new PromptIterator<T>(this, super[Symbol.iterator]());
  }
}

class PromptIterator<T> implements Iterator<Effect<unknown>, T, unknown> {
  readonly #wait: PromptWait<T>;
  readonly #steps: Iterator<Effect<unknown>, T, unknown>;
  #hasBegun = false;

  constructor(wait: PromptWait<T>, steps: Iterator<Effect<unknown>, T, unknown>) {
    this.#wait = wait;
    this.#steps = steps;
  }

  next(value?: unknown): IteratorResult<Effect<unknown>, T> {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      const result = runningTask()?.mayGoOn() === true ? this.#wait.attempt() : undefined;
      if (result?.ok === false) throw result.error;
      if (result !== undefined) return { done: true, value: result.value };
    }
    return this.#steps.next(value);
  }

  throw(error: unknown): never {
    throw error;
  }

  return(value: T): IteratorResult<never, T> {
    return { done: true, value };
  }
}
