/** From tasks into observables: subscribing runs a tree of tasks, unsubscribing cancels it. */
import type { Operation, Result } from "effection";
import { Observable, type Observer, type Subscriber } from "rxjs";
import {
  CancelScope,
  ClosedResourceError,
  isCancelled,
  type Nursery,
  named,
  type RunOptions,
  run,
  withAbortSignal,
} from "../core/mod.ts";
import type { Backpressure } from "./backpressure.ts";
import { currentKeeper, keptBy, TreeKeeper } from "./kept-trees.ts";
import { reportLateError } from "./late-errors.ts";
import { forEachItem, type Handle, type StreamSource } from "./stream-source.ts";

export interface ToObservableOptions extends RunOptions {
  /** Take no further item while the reader behind the operators has no room; see `Backpressure`. */
  readonly pressure?: Backpressure | undefined;
  /**
   * Run the tasks in this nursery, which then cancels them when it is cancelled and waits for them when it ends. By
   * default each subscription has a tree of its own.
   */
  readonly within?: Nursery | undefined;
}

/** An observable behind which tasks run: it can be waited for until they have unwound, which RxJS knows no word for. */
export class TaskObservable<T> extends Observable<T> {
  readonly #running: Set<Emission<T>>;

  /** @internal @param begin - called with each subscription, inside of `subscribe` */
  constructor(begin: () => Production<T>, options: ToObservableOptions) {
    const running = new Set<Emission<T>>();
    super((subscriber) => {
      const { produce, leave } = begin();
      const emission = new Emission(subscriber, running, options.pressure);
      emission.start(produce, options);
      return () => {
        leave?.();
        emission.cancel();
      };
    });
    this.#running = running;
  }

  /**
   * Wait until nothing runs any more of what its subscriptions so far have started: `subscription.unsubscribe()` and
   * then `await source$.finalized()`. Ask the observable itself, not what `pipe` made of it.
   *
   * @throws (as rejection) what was thrown after unsubscription, an `ExceptionGroup` where that was several; what comes
   * while nobody waits here is a warning
   */
  async finalized(): Promise<void> {
    const keeper = new TreeKeeper();
    for (const emission of this.#running) emission.keepBy(keeper);
    await run(() => keeper.allEnded());
  }
}

/** What gives the items of one subscription. */
export interface Production<T> {
  readonly produce: (emit: Emit<T>, hasLeft: () => boolean) => Operation<unknown>;
  /** Called by unsubscribing, before the tasks are cancelled. */
  readonly leave?: () => void;
}

/** Gives one item to the subscriber; false says that there is no use in more. */
export type Emit<T> = Handle<T>;

/**
 * The items of `source` as an observable. Items are emitted one by one from the run queue, never from within
 * `subscribe`. Completion and errors come after the tree has unwound. RxJS has no backpressure: without `pressure`,
 * items come as fast as the source gives them.
 *
 * To unsubscribe cancels the tree. It is waited for by the `fromObservable` that reads the observable, and by
 * `finalized()`. An error that comes after that, which RxJS would drop, goes to them; where there is neither it is a
 * process warning of type `LateObservableError`.
 *
 * @param source - a stream or a receiver. Several subscribers share one receiving end, and each item goes to one of
 *   them; give a function that opens one for each subscriber if every one is to have all
 * @throws (as error notification) what `source` throws; `Cancelled` if the nursery `within` was cancelled or `signal` was
 *   aborted (with both given, the signal's reason)
 */
export function toObservable<T>(source: StreamSource<T>, options: ToObservableOptions = {}): TaskObservable<T> {
  return new TaskObservable(() => ({ produce: (emit) => forEachItem(source, emit) }), {
    name: "toObservable",
    ...options,
  });
}

/**
 * Give the items of `source` to an observer, such as a `Subject`, and wait for that: its end is the observer's
 * completion. An error goes to the observer and is thrown here as well; so does the cancellation of this operation.
 *
 * @throws what `source` throws
 */
export function* intoObserver<T>(
  source: StreamSource<T>,
  observer: Pick<Observer<T>, "next" | "error" | "complete">,
  { pressure }: Pick<ToObservableOptions, "pressure"> = {},
): Operation<void> {
  // Its own scope, so that in a foreign Effection task too a halt is a cancellation, and the observer hears of it.
  yield* new CancelScope().run(function* () {
    try {
      yield* forEachItem(source, (item) => {
        observer.next(item);
        return pressure?.isHeld === true ? then(pressure.relieved(), () => true) : true;
      });
    } catch (error) {
      observer.error(error);
      throw error;
    }
    observer.complete();
  });
}

/** One subscription, and the tree behind it. */
class Emission<T> {
  readonly #subscriber: Subscriber<T>;
  readonly #running: Set<Emission<T>>;
  readonly #pressure: Backpressure | undefined;
  /** Whoever subscribed inside of a keeper is waited for there. */
  readonly #home = currentKeeper();
  readonly #keepers = new Set<TreeKeeper>();
  #stop: ((reason: string) => void) | undefined;
  /** An error came while there was a subscriber, who has left by the time it could be told. */
  #hasFailedInTime = false;

  constructor(subscriber: Subscriber<T>, running: Set<Emission<T>>, pressure: Backpressure | undefined) {
    this.#subscriber = subscriber;
    this.#running = running;
    this.#pressure = pressure;
    if (this.#home !== undefined) this.keepBy(this.#home);
  }

  start(produce: Production<T>["produce"], options: ToObservableOptions): void {
    this.#running.add(this);
    this.#stop = startTree(
      () => this.#produce(produce),
      options,
      (outcome) => this.#settle(outcome),
    );
  }

  cancel(): void {
    if (!this.#running.has(this)) return;
    const keeper = currentKeeper();
    if (keeper !== undefined) this.keepBy(keeper);
    this.#stop?.("the observable was unsubscribed from");
  }

  keepBy(keeper: TreeKeeper): void {
    this.#keepers.add(keeper);
    keeper.keep(this);
  }

  *#produce(produce: Production<T>["produce"]): Operation<void> {
    try {
      yield* produce(
        (item) => this.#emit(item),
        () => this.#subscriber.closed,
      );
    } catch (error) {
      this.#hasFailedInTime = !this.#subscriber.closed;
      throw error;
    }
  }

  #emit(item: T): boolean | Operation<boolean> {
    const subscriber = this.#subscriber;
    // What an operator subscribes to in answer to an item is kept where that is.
    keptBy(this.#home, () => subscriber.next(item));
    const pressure = this.#pressure;
    return pressure?.isHeld === true ? then(pressure.relieved(), () => !subscriber.closed) : !subscriber.closed;
  }

  #settle(outcome: Result<unknown>): void {
    if (outcome.ok) return this.#end(() => this.#subscriber.complete());
    const { error } = outcome;
    if (!this.#subscriber.closed) return this.#end(() => this.#subscriber.error(error));
    // That what it read from was closed as well is no news to one who has left.
    const isNews = !isCancelled(error) && !(error instanceof ClosedResourceError);
    const isForKeepers = this.#keepers.size > 0 && !this.#hasFailedInTime;
    if (isNews && !isForKeepers) reportLateError("a stream", error);
    this.#end(() => {}, isNews && isForKeepers ? { error } : undefined);
  }

  #end(tell: () => void, late?: { readonly error: unknown }): void {
    this.#running.delete(this);
    keptBy(this.#home, tell);
    for (const keeper of this.#keepers) keeper.ended(this, late);
  }
}

/** @returns what cancels it */
function startTree(
  body: () => Operation<unknown>,
  options: ToObservableOptions,
  settle: (outcome: Result<unknown>) => void,
): (reason: string) => void {
  const { within, signal, name = "observable" } = options;
  const fail = (error: unknown) => settle({ ok: false, error: error as Error });
  if (within === undefined) {
    const tree = run(body, options);
    tree.then((value) => settle({ ok: true, value }), fail);
    return (reason) => tree.cancel(reason);
  }
  const scope = new CancelScope();
  const task = function* (): Operation<void> {
    let value: unknown;
    try {
      value = yield* scope.run(signal === undefined ? body : () => withAbortSignal(signal, body));
    } catch (error) {
      fail(error);
      // An error has found its subscriber; a cancellation is the nursery's own.
      if (isCancelled(error)) throw error;
      return;
    }
    settle({ ok: true, value });
  };
  try {
    within.startSoon(named(name, task));
  } catch (error) {
    fail(error);
  }
  return (reason) => scope.cancel(reason);
}

function* then<T>(wait: Operation<void>, value: () => T): Operation<T> {
  yield* wait;
  return value();
}
