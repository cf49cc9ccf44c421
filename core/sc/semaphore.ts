/** A number of permits that nobody owns, after trio's `Semaphore`: handed out first come first served. */
import type { Operation } from "effection";
import { WouldBlock } from "../errors/mod.ts";
import { Hold } from "./hold.ts";
import { type Exit, NO_EXIT, OK, type Resolve, undoing, Wait } from "./wait.ts";

export class Semaphore {
  #value: number;
  readonly maxValue: number;
  readonly #waiters = new Set<Resolve<void>>();
  readonly #acquire: Operation<void>;

  /**
   * @param initial - permits to begin with
   * @param options.maxValue - `release` beyond this is an error; `Infinity` for no limit
   * @throws RangeError if `initial` is not a whole number from 0 to `maxValue`
   */
  constructor(initial: number, { maxValue = Number.POSITIVE_INFINITY }: { readonly maxValue?: number } = {}) {
    if (!(Number.isInteger(initial) && initial >= 0 && initial <= maxValue)) {
      throw new RangeError(`initial must be a whole number from 0 to ${maxValue}, got ${initial}`);
    }
    this.#value = initial;
    this.maxValue = maxValue;
    this.#acquire = new Acquire(() => this.#take(), this.#waiters);
  }

  /** Permits left. */
  get value(): number {
    return this.#value;
  }

  /** Run `body` while holding a permit. */
  hold<T>(body: () => Operation<T>): Operation<T> {
    return new Hold(this, body);
  }

  /** Take a permit; wait while there is none. */
  acquire(): Operation<void> {
    return this.#acquire;
  }

  /** As `acquire`, at once. @throws WouldBlock if there is none */
  acquireNowait(): void {
    if (!this.#take()) throw new WouldBlock("no permit is left");
  }

  /** Give one permit back, or a new one, to the task that has waited longest. @throws RangeError beyond `maxValue` */
  release(): void {
    for (const resolve of this.#waiters) {
      this.#waiters.delete(resolve);
      resolve(OK);
      return;
    }
    if (this.#value >= this.maxValue) throw new RangeError(`released more often than ${this.maxValue} permits allow`);
    this.#value++;
  }

  statistics(): { readonly tasksWaiting: number } {
    return { tasksWaiting: this.#waiters.size };
  }

  #take(): boolean {
    if (this.#value === 0) return false;
    this.#value--;
    return true;
  }
}

class Acquire extends Wait<void> {
  readonly description = "Semaphore.acquire()";
  readonly #take: () => boolean;
  readonly #waiters: Set<Resolve<void>>;

  constructor(take: () => boolean, waiters: Set<Resolve<void>>) {
    super();
    this.#take = take;
    this.#waiters = waiters;
  }

  enter(resolve: Resolve<void>): Exit {
    if (this.#take()) {
      resolve(OK);
      return NO_EXIT;
    }
    this.#waiters.add(resolve);
    return undoing(() => this.#waiters.delete(resolve));
  }
}
