/** The primitive below all others, for users who build their own: stop here until somebody wakes me. */
import type { Operation } from "effection";
import { Task } from "./task.ts";
import { type Exit, err, OK, ok, type Resolve, type Routine, undoing, Wait } from "./wait.ts";

/** Ends a parked wait, once: with a value, or with an error. Later calls do nothing. */
export interface Waker<T> {
  wake(value: T): void;
  fail(error: unknown): void;
}

/**
 * Called when a cancellation is to be delivered to a parked task. Take back what was arranged and return true, and the
 * task is cancelled; return false, and it stays parked until it is woken, which is then your duty.
 */
export type Abort = () => boolean;

/**
 * Park the current task. `arrange` is called at once and must see to it that the waker is called some time; it returns
 * how to take that back.
 *
 * @param description - what is waited for, for dumps
 * @param options.byHost - the host ends it (I/O, a promise), not one of our tasks; virtual clocks need to know
 */
export function park<T>(
  description: string,
  arrange: (waker: Waker<T>) => Abort,
  options: { readonly byHost?: boolean } = {},
): Operation<T> {
  return new Park(description, arrange, options.byHost ?? false);
}

class Park<T> extends Wait<T> {
  readonly description: string;
  readonly #byHost: boolean;
  readonly #arrange: (waker: Waker<T>) => Abort;

  constructor(description: string, arrange: (waker: Waker<T>) => Abort, byHost: boolean) {
    super();
    this.description = description;
    this.#arrange = arrange;
    this.#byHost = byHost;
  }

  override get byHost(): boolean {
    return this.#byHost;
  }

  enter(resolve: Resolve<T>, routine: Routine): Exit {
    let settled = false;
    let aborted = false;
    let whenSettled: (() => void) | undefined;
    const settle = (result: Parameters<Resolve<T>>[0]) => {
      if (settled || aborted) return;
      settled = true;
      resolve(result);
      whenSettled?.();
    };
    const abort = this.#arrange({ wake: (value) => settle(ok(value)), fail: (error) => settle(err(error)) });
    const ask = () => {
      try {
        aborted = abort();
      } catch (error) {
        aborted = true; // there is nobody to ask again
        throw error;
      }
      return aborted;
    };
    Task.of(routine)?.onAbort(ask);
    // A foreign task that is halted asks here first; if the wait goes on, the halt waits for it.
    return (done) => {
      try {
        if (settled || aborted || ask() || settled) done(OK);
        else whenSettled = () => done(OK);
      } catch (error) {
        done(err(error));
      }
    };
  }
}

/** A first-in, first-out place to park, after trio's `ParkingLot`: what locks and conditions are made of. */
export class ParkingLot {
  readonly #parked = new Set<Resolve<void>>();

  /** How many tasks are parked here. */
  get size(): number {
    return this.#parked.size;
  }

  /** Wait until unparked. */
  park(description = "ParkingLot.park()"): Operation<void> {
    return new LotWait(this.#parked, description);
  }

  /** Wake the `count` tasks that have waited longest; says how many there were. */
  unpark(count = 1): number {
    let woken = 0;
    for (const resolve of this.#parked) {
      if (woken >= count) break;
      this.#parked.delete(resolve);
      woken++;
      resolve(OK);
    }
    return woken;
  }

  unparkAll(): number {
    return this.unpark(this.#parked.size);
  }
}

class LotWait extends Wait<void> {
  readonly description: string;
  readonly #parked: Set<Resolve<void>>;

  constructor(parked: Set<Resolve<void>>, description: string) {
    super();
    this.#parked = parked;
    this.description = description;
  }

  enter(resolve: Resolve<void>): Exit {
    this.#parked.add(resolve);
    return undoing(() => this.#parked.delete(resolve));
  }
}
