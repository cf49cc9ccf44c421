/** Bounds on how long work may take, after trio's. All waiting goes through the tree's clock. */
import type { Operation } from "effection";
import { TooSlowError } from "../errors/mod.ts";
import { CancelScope } from "./cancel-scope.ts";
import { useTask } from "./task.ts";
import type { Steps } from "./wait.ts";

type Body<T> = (scope: CancelScope) => Operation<T>;

/**
 * Run `body`, cancel it after `ms` milliseconds, and go on. Its clean-up is awaited: the call can last longer than `ms`,
 * but nothing of `body` outlives it.
 *
 * @returns what `body` returned, or undefined if the time was up first
 * @throws RangeError if `ms` is negative or NaN
 */
export function moveOnAfter<T>(ms: number, body: Body<T>): Operation<T | undefined> {
  return new CancelScopeFactory({ timeout: ms }, (scope) => scope.run(body));
}

/** As `moveOnAfter`, until a point on the tree's clock (`currentTime()`). @throws RangeError if `time` is NaN */
export function moveOnAt<T>(time: number, body: Body<T>): Operation<T | undefined> {
  return new CancelScopeFactory({ deadline: time }, (scope) => scope.run(body));
}

/**
 * As `moveOnAfter`, but fail if the time was up.
 *
 * @throws TooSlowError if `body` was cancelled for taking longer than `ms`
 * @throws RangeError if `ms` is negative or NaN
 */
export function failAfter<T>(ms: number, body: Body<T>): Operation<T> {
  return new CancelScopeFactory({ timeout: ms }, (scope) => failWhenCaught(scope, body, ms));
}

/** As `failAfter`, until a point on the tree's clock. @throws TooSlowError; RangeError if `time` is NaN */
export function failAt<T>(time: number, body: Body<T>): Operation<T> {
  return new CancelScopeFactory({ deadline: time }, (scope) => failWhenCaught(scope, body));
}

/** Run `body` out of reach of cancellations from further out: for clean-up that has to wait. Give it a time-out. */
export function shielded<T>(body: Body<T>): Operation<T> {
  return new CancelScopeFactory({ shield: true }, (scope) => runBody(scope, body));
}

/** The earliest deadline in force here, on the tree's clock: `Infinity` for none, `-Infinity` if already cancelled. */
export function* currentEffectiveDeadline(): Operation<number> {
  const task = yield* useTask();
  return task?.status.effectiveDeadline ?? Number.POSITIVE_INFINITY;
}

function* runBody<T>(scope: CancelScope, body: Body<T>): Steps<T> {
  return (yield* scope.run(body)) as T;
}

function* failWhenCaught<T>(scope: CancelScope, body: Body<T>, ms?: number): Steps<T> {
  const value = yield* scope.run(body);
  if (scope.cancelledCaught) throw new TooSlowError(ms);
  return value as T;
}

/** Makes its scope anew each time it is performed, so that the operation may be stored and repeated. */
class CancelScopeFactory<T> implements Operation<T> {
  readonly #options: ConstructorParameters<typeof CancelScope>[0];
  readonly #use: (scope: CancelScope) => Operation<T>;

  constructor(options: ConstructorParameters<typeof CancelScope>[0], use: (scope: CancelScope) => Operation<T>) {
    new CancelScope(options); // a bad bound fails here, at the call, and not when it is performed
    this.#options = options;
    this.#use = use;
  }

  [Symbol.iterator]() {
    return this.#use(new CancelScope(this.#options))[Symbol.iterator]();
  }
}
