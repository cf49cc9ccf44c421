/** From observables into tasks. RxJS pushes and nothing can hold it up, so there is a bounded buffer in between. */
import { ensure, type Operation, resource } from "effection";
import { from, type InteropObservable, Observable, type Subscribable, Subscriber } from "rxjs";
import { CancelScope, ExceptionGroup, shielded } from "../core/mod.ts";
import type { Backpressure } from "./backpressure.ts";
import { keptBy, TreeKeeper } from "./kept-trees.ts";
import { reportLateError } from "./late-errors.ts";
import { PushBuffer, type PushOptions, type PushStream } from "./push-stream.ts";

/** An observable of any library: of RxJS, or whatever has `Symbol.observable` or `subscribe(observer)`. */
export type ObservableLike<T> = Observable<T> | Subscribable<T> | InteropObservable<T>;

export interface FromObservableOptions extends PushOptions {
  /** Holds up the `toObservable` at the near end of the pipeline while the buffer is half full or more. */
  readonly pressure?: Backpressure | undefined;
}

/**
 * Subscribe to `source`, once for each time this is performed, until the caller's Effection scope ends: that of the
 * task, or of a `scoped(...)` around it. By then the source's teardown has run, and what `toObservable` and `observe`
 * had started for it has unwound, through whatever operators.
 *
 * `for (const item of yield* each(fromObservable(source$)))`, or `const stream = yield* fromObservable(source$)` and
 * then `stream.receive()`. Completion ends the stream; an error is thrown after the items that came before it.
 *
 * A source that emits without end while it is subscribed to can be stopped only by the `"error"` policy.
 *
 * @throws RangeError if `capacity` is not a whole number >= 1, or `overflow` is none of its three
 * @throws what the teardown of `source` throws, when the scope ends. Effection's `scoped` then loses the error of its own
 * body, if there is one; `openObservable` does not
 */
export function fromObservable<T>(
  source: ObservableLike<T>,
  options: FromObservableOptions = {},
): Operation<PushStream<T>> {
  new PushBuffer<T>("the observable", options); // a bad bound fails here, at the call, and not when it is performed
  return resource(function* (provide) {
    const intake = new Intake<T>(options);
    yield* ensure(() => intake.close());
    intake.open(source);
    yield* provide(intake.items);
  });
}

/**
 * Subscribe to `source` and run `body` with its items; see `fromObservable`. When the block is left, however that is,
 * the source is unsubscribed from, and its teardown has run when this returns.
 *
 * @returns what `body` returned
 * @throws ExceptionGroup if both the body and the teardown of `source` failed; else what one of them throws
 * @throws RangeError for a bad option
 */
export function* openObservable<T, R>(
  source: ObservableLike<T>,
  body: (items: PushStream<T>) => Operation<R>,
  options: FromObservableOptions = {},
): Operation<R> {
  const intake = new Intake<T>(options);
  // Its own scope, so that in a foreign Effection task too a halt is a cancellation and waits.
  return (yield* new CancelScope().run(() => useIntake(intake, source, body))) as R;
}

function* useIntake<T, R>(
  intake: Intake<T>,
  source: ObservableLike<T>,
  body: (items: PushStream<T>) => Operation<R>,
): Operation<R> {
  let value: R;
  try {
    intake.open(source);
    value = yield* body(intake.items);
  } catch (error) {
    try {
      yield* shielded(() => intake.close());
    } catch (late) {
      throw new ExceptionGroup("an observable's items were read, and both that and its teardown failed", [error, late]);
    }
    throw error;
  }
  yield* shielded(() => intake.close());
  return value;
}

/** One subscription, and the buffer that it fills. */
class Intake<T> {
  readonly items: PushBuffer<T>;
  readonly #keeper = new TreeKeeper();
  readonly #inlet: Inlet<T>;

  constructor({ pressure, ...options }: FromObservableOptions) {
    this.items = new PushBuffer<T>("the observable", options, pressure);
    this.#inlet = new Inlet(this.items, () => this.#leave());
  }

  open(source: ObservableLike<T>): void {
    keptBy(this.#keeper, () => toRx(source).subscribe(this.#inlet));
  }

  *close(): Operation<void> {
    this.items.dispose();
    this.#leave();
    yield* this.#keeper.allEnded();
  }

  /** What a teardown throws comes out where the scope ends: inside of an emission it would go to the source, and be lost. */
  #leave(): void {
    try {
      keptBy(this.#keeper, () => this.#inlet.unsubscribe());
    } catch (error) {
      this.#keeper.fail(error);
    }
  }
}

/**
 * A `Subscriber` and not an observer: one that is known before `subscribe` returns, by when a source may have emitted
 * everything, and that hears what comes when it has left.
 */
class Inlet<T> extends Subscriber<T> {
  readonly #items: PushBuffer<T>;
  readonly #leave: () => void;
  #hasEnded = false;

  constructor(items: PushBuffer<T>, leave: () => void) {
    super();
    this.#items = items;
    this.#leave = leave;
  }

  override next(item: T): void {
    if (this.#isOver) return;
    if (!this.#items.push(item)) this.#leave();
  }

  override error(error: unknown): void {
    if (this.#isOver) return reportLateError("an observable", error);
    this.#items.fail(error);
    this.#end();
  }

  override complete(): void {
    if (this.#isOver) return;
    this.#items.end();
    this.#end();
  }

  get #isOver(): boolean {
    return this.#hasEnded || this.closed;
  }

  #end(): void {
    this.#hasEnded = true;
    this.#leave();
  }
}

function toRx<T>(source: ObservableLike<T>): Observable<T> {
  if (source instanceof Observable) return source;
  if (isInterop(source)) return from(source);
  if (typeof source?.subscribe === "function") return new Observable((subscriber) => source.subscribe(subscriber));
  throw new TypeError(
    `expected an observable: something with subscribe(observer) or Symbol.observable, got ${describe(source)}`,
  );
}

function isInterop<T>(source: ObservableLike<T>): source is InteropObservable<T> {
  if (typeof source !== "object" && typeof source !== "function") return false;
  const key: unknown = Reflect.get(Symbol, "observable") ?? "@@observable";
  return source !== null && (typeof key === "symbol" || typeof key === "string") && key in source;
}

function describe(value: unknown): string {
  return typeof value === "object" ? Object.prototype.toString.call(value) : `${typeof value} ${String(value)}`;
}
