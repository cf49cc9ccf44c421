/** One function over many items and many actors, after `Executor.map`: a stream of results, at the pace of its reader. */
import { type Effect, type Operation, type Result, type Stream, type Subscription, useScope } from "effection";
import {
  type ArgsOf,
  BusyResourceError,
  type Callable,
  ExceptionGroup,
  IN_PLACE,
  isCancelled,
  type LeavableSubscription,
  named,
  openNursery,
  ParkingLot,
  Portal,
  park,
  type ResultOf,
  SideTree,
  type Waker,
} from "../core/mod.ts";
import { ActorMapError } from "./errors.ts";
import { type Items, reading } from "./item-reader.ts";
import { RESULTS_AHEAD } from "./limits.ts";

export interface ActorMapOptions {
  /** Calls under way at once, in all actors together; as many as there are actors unless told. */
  readonly concurrency?: number;
  /** Whether results come in the order of the items, and not as they are ready; false unless told. */
  readonly ordered?: boolean;
}

/** What has become of an item. */
export interface Mapped<I, R> {
  readonly item: I;
  /** Which item it was, from 0 on. */
  readonly index: number;
  readonly value: R;
}

type Fn = (...args: never[]) => unknown;
type ItemOf<F> = F extends (args: infer A, ...rest: never[]) => unknown ? A : never;

/**
 * Call `fn` in the actors, once for each item, and give the results as a stream.
 *
 * ```ts
 * for (const { item, value } of yield* each(actorMap(workers, isPrime, numbers))) { …; yield* each.next(); }
 * ```
 *
 * - Each item goes to the actor with the fewest calls under way. Items are asked for one by one, when there is room.
 * - Results that are not read hold up calls: twice `concurrency` items are taken before the first result is.
 * - A call that fails cancels the others, and fails the stream, after the results that were ready before.
 * - Every loop over it is a run of its own. One that is left cancels its calls at once; they are waited for at the end of
 *   the task, or of the `scoped` of Effection that the loop stands in.
 *
 * @param portals - of actors that expose the module of `fn`; the portals of `openActorCluster` as they are
 * @param items - the arguments of each call: an iterable, an async iterable, or a stream with `receive()`
 * @throws ActorMapError (from the stream) with item, actor and `cause`; ExceptionGroup if several calls failed at once
 * @throws whatever `items` throws (from the stream)
 * @throws RangeError without actors, or if `concurrency` is not a whole number >= 1; TypeError for what is no portal
 */
export function actorMap<F extends Fn>(
  portals: Iterable<Portal> | ReadonlyMap<string, Portal>,
  fn: F & Callable<never, unknown>,
  items: Items<ItemOf<F>>,
  options: ActorMapOptions = {},
): Stream<Mapped<ItemOf<F>, ResultOf<F>>, void> {
  const workers: readonly Portal[] =
    portals instanceof Map ? [...portals.values()] : [...(portals as Iterable<Portal>)];
  if (workers.length === 0) throw new RangeError("actorMap: there is no actor to work; give at least one portal");
  for (const portal of workers) {
    if (!(portal instanceof Portal)) throw new TypeError(`actorMap: the actors are portals, got ${typeof portal}`);
  }
  const { concurrency = workers.length, ordered = false } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`actorMap: concurrency must be a whole number >= 1, got ${concurrency}`);
  }
  const call = (portal: Portal, item: ItemOf<F>) => portal.run(fn, ...([item] as unknown as ArgsOf<F>));
  return new ActorMap({ workers, call, name: fn.name || "the function", items, concurrency, ordered });
}

interface Plan<I, R> {
  readonly workers: readonly Portal[];
  readonly call: (portal: Portal, item: I) => Operation<R>;
  /** Of the function, for people. */
  readonly name: string;
  readonly items: Items<I>;
  readonly concurrency: number;
  readonly ordered: boolean;
}

class ActorMap<I, R> implements Stream<Mapped<I, R>, void> {
  readonly [IN_PLACE] = true;
  readonly #plan: Plan<I, R>;

  constructor(plan: Plan<I, R>) {
    this.#plan = plan;
  }

  *[Symbol.iterator](): Generator<Effect<unknown>, Subscription<Mapped<I, R>, void>, unknown> {
    const results = new Results(this.#plan);
    yield* results.start();
    return results;
  }
}

class Results<I, R> implements LeavableSubscription<Mapped<I, R>> {
  readonly #plan: Plan<I, R>;
  readonly #tree: SideTree<void>;
  readonly #calls: Map<Portal, number>;
  #underWay = 0;
  #started = 0;
  #received = 0;
  /** What is ready, by index. */
  readonly #ready = new Map<number, Mapped<I, R>>();
  /** Where the next item waits until there is room for it. */
  readonly #room = new ParkingLot();
  #reader: Waker<IteratorResult<Mapped<I, R>, void>> | undefined;
  #end: Result<void> | undefined;

  constructor(plan: Plan<I, R>) {
    this.#plan = plan;
    this.#calls = new Map(plan.workers.map((portal) => [portal, 0]));
    this.#tree = new SideTree(`actorMap of ${plan.name}`, (result) => {
      this.#end = result.ok ? { ok: true, value: undefined } : { ok: false, error: single(result.error) as Error };
      this.#look();
    });
  }

  *start(): Operation<void> {
    yield* this.#tree.start(yield* useScope(), () => this.#run());
  }

  leave(): void {
    this.#tree.cancel("its results are read no more");
  }

  next(): Operation<IteratorResult<Mapped<I, R>, void>> {
    return park(`a result of ${this.#plan.name} from actorMap`, (waker) => {
      if (this.#reader !== undefined) {
        waker.fail(new BusyResourceError("another task waits for a result of this actorMap; one reads"));
        return () => true;
      }
      this.#reader = waker;
      this.#look();
      return () => {
        this.#reader = undefined;
        return true;
      };
    });
  }

  *#run(): Operation<void> {
    const { items, name, concurrency } = this.#plan;
    const results = this;
    yield* reading(items, (reader) =>
      openNursery(
        function* (nursery) {
          for (;;) {
            while (!results.#hasRoom(concurrency)) yield* results.#room.park("results of actorMap to be read");
            const next = yield* reader.next();
            if (next.done === true) return;
            const index = results.#started++;
            nursery.startSoon(named(`${name} ${index}`, () => results.#call(index, next.value)));
            results.#underWay++;
          }
        },
        { name: `actorMap of ${name}` },
      ),
    );
  }

  #hasRoom(concurrency: number): boolean {
    return this.#underWay < concurrency && this.#started - this.#received < RESULTS_AHEAD * concurrency;
  }

  *#call(index: number, item: I): Operation<void> {
    const { name, call } = this.#plan;
    const portal = this.#leastBusy();
    this.#calls.set(portal, this.#callsOf(portal) + 1);
    try {
      const value = yield* call(portal, item);
      this.#ready.set(index, { item, index, value });
    } catch (error) {
      // Nothing more is begun: this ends all of it.
      if (isCancelled(error)) throw error;
      throw new ActorMapError(name, item, index, portal.actor, error);
    }
    this.#calls.set(portal, this.#callsOf(portal) - 1);
    this.#underWay--;
    this.#room.unpark();
    this.#look();
  }

  #leastBusy(): Portal {
    return this.#plan.workers.reduce((best, portal) => (this.#callsOf(portal) < this.#callsOf(best) ? portal : best));
  }

  #callsOf(portal: Portal): number {
    return this.#calls.get(portal) ?? 0;
  }

  #look(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const ready = this.#plan.ordered ? this.#ready.get(this.#received) : this.#ready.values().next().value;
    if (ready === undefined && this.#end === undefined) return;
    this.#reader = undefined;
    if (ready !== undefined) {
      this.#ready.delete(ready.index);
      this.#received++;
      this.#room.unpark();
      reader.wake({ done: false, value: ready });
    } else if (this.#end?.ok === false) reader.fail(this.#end.error);
    else reader.wake({ done: true, value: undefined });
  }
}

/** The error that there is, where it is one. */
function single(error: unknown): unknown {
  let found = error;
  while (found instanceof ExceptionGroup && found.errors.length === 1) [found] = found.errors;
  return found;
}
