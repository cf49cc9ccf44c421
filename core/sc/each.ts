/**
 * Effection's `each`, for our streams. Effection asks for the first item in a task that it spawns, where an error fails
 * the whole task instead of the loop, and which is still waiting when the loop's stream is closed. Ours asks in place.
 */
import { type Effect, each as eachOfEffection, type Operation, type Stream, type Subscription } from "effection";
import { runningTask, type Task, useTask } from "./task.ts";
import type { Steps } from "./wait.ts";

/** On streams whose subscription needs no scope of its own, so that a loop can take it in place. */
export const IN_PLACE: unique symbol = Symbol.for("espalier.stream");

/** A subscription that can be asked for what is there; undefined if that is nothing, or no item but an error. */
export interface PromptSubscription<T> extends Subscription<T, unknown> {
  nextNow(): IteratorResult<T, unknown> | undefined;
}

/** A subscription with work behind it, that is told when its loop is left: at the end, or before. */
export interface LeavableSubscription<T> extends Subscription<T, unknown> {
  leave(): void;
}

/** The loops of a task, innermost last. */
const loops = new WeakMap<Task, Loop<unknown>[]>();

/**
 * Go through a stream item by item. Say `yield* each.next()` at the end of each turn, before `continue` too.
 *
 * ```ts
 * for (const item of yield* each(stream)) {
 *   yield* handle(item);
 *   yield* each.next();
 * }
 * ```
 *
 * @throws what the stream failed with, here or from `each.next()`
 */
export function each<T>(stream: Stream<T, unknown>): Operation<Iterable<T>> {
  return new Each(stream);
}

/** Wait for the next item of the innermost loop of this task. @throws Error outside of a loop */
each.next = function next(): Operation<void> {
  return NEXT;
};

class Each<T> implements Operation<Iterable<T>> {
  readonly #stream: Stream<T, unknown>;
  constructor(stream: Stream<T, unknown>) {
    this.#stream = stream;
  }

  *[Symbol.iterator](): Steps<Iterable<T>> {
    const task = yield* useTask();
    if (task === undefined || !(IN_PLACE in this.#stream)) return yield* eachOfEffection(this.#stream);
    const subscription = yield* this.#stream;
    let first: IteratorResult<T, unknown>;
    try {
      first = yield* subscription.next();
    } catch (error) {
      leave(subscription);
      throw error;
    }
    let open = loops.get(task);
    if (open === undefined) {
      open = [];
      loops.set(task, open);
    }
    const loop = new Loop(subscription, first, open);
    open.push(loop);
    return loop;
  }
}

class EachNext implements Operation<void> {
  [Symbol.iterator](): Iterator<Effect<unknown>, void, unknown> {
    const task = runningTask();
    const loop = task === undefined ? undefined : loops.get(task)?.at(-1);
    return loop?.advanceInPlace(task) === true ? ADVANCED : this.#steps();
  }

  *#steps(): Steps<void> {
    const task = yield* useTask();
    const loop = task === undefined ? undefined : loops.get(task)?.at(-1);
    if (loop === undefined) yield* eachOfEffection.next();
    else yield* loop.advance();
  }
}

const ADVANCED: Iterator<never, void, unknown> = { next: () => ({ done: true, value: undefined }) };

const NEXT = new EachNext();

class Loop<T> implements Iterable<T>, Iterator<T, unknown> {
  readonly #subscription: Subscription<T, unknown>;
  /** The loops of the task, this one among them until it is left. */
  readonly #open: Loop<unknown>[];
  #current: IteratorResult<T, unknown>;
  #taken = false;

  constructor(subscription: Subscription<T, unknown>, first: IteratorResult<T, unknown>, open: Loop<unknown>[]) {
    this.#subscription = subscription;
    this.#current = first;
    this.#open = open;
  }

  /** As `advance`, if the next item is there and the task may take it in place. */
  advanceInPlace(task: Task | undefined): boolean {
    const subscription = this.#subscription;
    if (!("nextNow" in subscription) || task?.mayGoOn() !== true) return false;
    const next = (subscription as PromptSubscription<T>).nextNow();
    if (next === undefined) return false;
    this.#current = next;
    this.#taken = false;
    return true;
  }

  *advance(): Operation<void> {
    this.#current = yield* this.#subscription.next();
    this.#taken = false;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<T, unknown> {
    if (this.#taken) {
      this.#leave();
      throw new Error("the loop came round without each.next(): say `yield* each.next()` at the end of each turn");
    }
    this.#taken = true;
    if (this.#current.done === true) this.#leave();
    return this.#current;
  }

  return(): IteratorResult<T, unknown> {
    this.#leave();
    return { done: true, value: undefined };
  }

  #leave(): void {
    const at = this.#open.indexOf(this as Loop<unknown>);
    if (at < 0) return;
    this.#open.splice(at, 1);
    leave(this.#subscription);
  }
}

function leave(subscription: Subscription<unknown, unknown>): void {
  if ("leave" in subscription) (subscription as LeavableSubscription<unknown>).leave();
}
