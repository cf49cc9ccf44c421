/**
 * Operators that do the work for each item in a task, here or in a pool of actors: `mergeMap` and `concatMap` whose
 * buffers are bounded, and whose work is cancelled, and waited for, when they are unsubscribed from.
 */
import type { Operation } from "effection";
import type { Observable, OperatorFunction } from "rxjs";
import {
  type Callable,
  EndOfChannel,
  Event,
  ExceptionGroup,
  isCancelled,
  type Nursery,
  named,
  openNursery,
  ParkingLot,
  type Portal,
} from "../core/mod.ts";
import { type FromObservableOptions, Intake } from "./intake.ts";
import { PushBuffer, type PushStream } from "./push-stream.ts";
import { type Emit, TaskObservable } from "./to-observable.ts";

/**
 * `capacity` items wait for a task, `overflow` says what happens to more, and `pressure` holds up the `toObservable` or
 * `observe` that they come from.
 */
export interface OverTasksOptions extends FromObservableOptions {
  /** Tasks that run at once, 1 or more. Default 1; for `overActors` one for each portal. */
  readonly concurrency?: number | undefined;
  /**
   * Whether results come out in the order of their items (default), or each as it comes. In order a slow one holds up
   * the others: no more than `concurrency` are begun or held.
   */
  readonly ordered?: boolean | undefined;
  /** The nursery in which the tasks run; see `ToObservableOptions`. */
  readonly within?: Nursery | undefined;
}

/**
 * Run `work` for each item as a task, and emit its result. The first failure cancels the tasks that run; with `ordered`
 * the results of the items before it come first. An error of the source comes after the results of the items before it.
 *
 * @throws RangeError (at the call) for a bad option
 * @throws (as error notification) what `work` throws, an `ExceptionGroup` if several tasks failed; StreamOverrun if items
 * come faster than that and `overflow` is `"error"`
 */
export function overTasks<T, R>(
  work: (item: T, index: number) => Operation<R>,
  options: OverTasksOptions = {},
): OperatorFunction<T, R> {
  const checked = (item: T, index: number) => {
    const operation = work(item, index);
    if (typeof operation === "object" && Symbol.iterator in operation) return operation;
    throw new TypeError(
      "overTasks(work): work returned no operation; make it a generator function, and call promise code with runTask",
    );
  };
  return overSlots<T, R>("overTasks", checked, 1, options);
}

/**
 * Call `fn` of an actor with each item, and emit its result: a pool of actors as an operator. Each portal has its share
 * of the calls that run at once; whichever is free takes the next item. See `overTasks`.
 *
 * ```ts
 * numbers$.pipe(map((n) => ({ n })), overActors(portals, isPrime))
 * ```
 *
 * @param portals - to actors that expose `fn`; they must live as long as there are subscriptions
 * @param fn - as for `portal.run`; the items are its named arguments
 * @throws RangeError (at the call) for a bad option, or without any portal
 * @throws (as error notification) what `portal.run` throws; otherwise as `overTasks`
 */
export function overActors<A, R>(
  portals: Portal | readonly Portal[],
  fn: Callable<A, R>,
  options: OverTasksOptions = {},
): OperatorFunction<A, R> {
  const pool = [portals].flat();
  if (pool.length === 0) throw new RangeError("overActors() needs at least one portal, got none");
  const call = (args: A, _index: number, slot: number) => {
    const portal = pool[slot % pool.length] as Portal;
    return portal.run(fn as (args: object) => Operation<unknown>, args as object) as Operation<R>;
  };
  return overSlots("overActors", call, pool.length, options);
}

type Work<T, R> = (item: T, index: number, slot: number) => Operation<R>;

function overSlots<T, R>(
  name: string,
  work: Work<T, R>,
  defaultConcurrency: number,
  { concurrency = defaultConcurrency, ordered = true, within, ...intake }: OverTasksOptions,
): OperatorFunction<T, R> {
  if (!(concurrency >= 1 && Number.isInteger(concurrency))) {
    throw new RangeError(`concurrency must be a whole number >= 1, got ${concurrency}`);
  }
  new PushBuffer("the observable", intake); // a bad bound fails here, where the pipe is put together
  return (source: Observable<T>) =>
    new TaskObservable<R>(
      () => {
        // As every operator does: the source is subscribed to before `subscribe` returns, and left at once.
        const items = new Intake<T>(intake);
        items.open(source);
        return {
          produce: (emit) => items.use((stream) => new Workers(work, ordered, emit).run(stream, concurrency)),
          leave: () => items.leave(),
        };
      },
      { name, within },
    );
}

class Workers<T, R> {
  readonly #work: Work<T, R>;
  readonly #ordered: boolean;
  readonly #emit: Emit<R>;
  readonly #slots: number[] = [];
  readonly #freed = new ParkingLot();

  constructor(work: Work<T, R>, ordered: boolean, emit: Emit<R>) {
    this.#work = work;
    this.#ordered = ordered;
    this.#emit = emit;
  }

  *run(items: PushStream<T>, concurrency: number): Operation<void> {
    for (let slot = concurrency - 1; slot >= 0; slot--) this.#slots.push(slot);
    let failure: { readonly error: unknown } | undefined;
    try {
      yield* openNursery(
        function* (this: Workers<T, R>, nursery: Nursery) {
          failure = yield* this.#distribute(items, nursery);
        }.bind(this),
      );
    } catch (error) {
      const alone = error instanceof ExceptionGroup && error.errors.length === 1 ? error.errors[0] : error;
      if (failure === undefined) throw alone;
      throw new ExceptionGroup("an observable failed, and so did the work for one of its items", [
        failure.error,
        alone,
      ]);
    }
    if (failure !== undefined) throw failure.error;
  }

  /** @returns what the source failed with, if it did: the tasks that run are to finish first */
  *#distribute(items: PushStream<T>, nursery: Nursery): Operation<{ readonly error: unknown } | undefined> {
    let turn = new Event("the first result");
    turn.set();
    for (let index = 0; ; index++) {
      while (this.#slots.length === 0) yield* this.#freed.park("a free worker");
      let item: T;
      try {
        item = yield* items.receive();
      } catch (error) {
        if (error instanceof EndOfChannel) return undefined;
        if (isCancelled(error)) throw error;
        return { error };
      }
      const mine = turn;
      const next = new Event(`the result of item ${index}`);
      turn = next;
      const slot = this.#slots.pop() as number;
      nursery.startSoon(named(`item ${index}`, () => this.#handle(item, index, slot, mine, next)));
    }
  }

  *#handle(item: T, index: number, slot: number, turn: Event, next: Event): Operation<void> {
    let failure: { readonly error: unknown } | undefined;
    let result: R | undefined;
    try {
      result = yield* this.#work(item, index, slot);
    } catch (error) {
      if (!this.#ordered || isCancelled(error)) throw error;
      failure = { error };
    }
    if (this.#ordered) yield* turn.wait();
    if (failure !== undefined) throw failure.error;
    const more = this.#emit(result as R);
    if (typeof more !== "boolean") yield* more;
    next.set();
    this.#slots.push(slot);
    this.#freed.unpark();
  }
}
