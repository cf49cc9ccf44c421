/** One subscription to an observable, and the bounded buffer that it fills. */
import type { Operation } from "effection";
import { from, type InteropObservable, Observable, type Subscribable, Subscriber } from "rxjs";
import { ExceptionGroup, shielded } from "../core/mod.ts";
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

export class Intake<T> {
  readonly items: PushBuffer<T>;
  readonly #keeper = new TreeKeeper();
  readonly #inlet: Inlet<T>;

  /** @throws RangeError for a bad option */
  constructor({ pressure, ...options }: FromObservableOptions) {
    this.items = new PushBuffer<T>("the observable", options, pressure);
    this.#inlet = new Inlet(this.items, () => this.#leave());
  }

  /** Subscribe. @throws TypeError if `source` is no observable; what its subscription throws at once */
  open(source: ObservableLike<T>): void {
    keptBy(this.#keeper, () => toRx(source).subscribe(this.#inlet));
  }

  /** Run `body` with the items; then close, however it ended. @throws ExceptionGroup if both fail */
  *use<R>(body: (items: PushStream<T>) => Operation<R>): Operation<R> {
    let value: R;
    try {
      value = yield* body(this.items);
    } catch (error) {
      try {
        yield* shielded(() => this.close());
      } catch (late) {
        throw new ExceptionGroup("an observable's items were read, and both that and its teardown failed", [
          error,
          late,
        ]);
      }
      throw error;
    }
    yield* shielded(() => this.close());
    return value;
  }

  /** Unsubscribe, now; what the teardown throws `close` will. */
  leave(): void {
    this.items.dispose();
    this.#leave();
  }

  /** Unsubscribe, and wait until what was started beneath the source has unwound. @throws what its teardown throws */
  *close(): Operation<void> {
    this.leave();
    yield* this.#keeper.allEnded();
  }

  /** Inside of an emission an error of the teardown would go to the source, and be lost. */
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
  if (typeof value === "function") return `a function (${value.name || "anonymous"}); call it`;
  return typeof value === "object" ? Object.prototype.toString.call(value) : `${typeof value} ${String(value)}`;
}
