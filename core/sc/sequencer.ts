/** Puts steps of several tasks into one fixed order, for tests; after trio's `Sequencer`. */
import type { Operation } from "effection";
import { Event } from "./event.ts";

/** `yield* s.at(2, body)` runs `body` after the bodies at 0 and 1 have ended. Each place is taken once, from 0 on. */
export class Sequencer {
  readonly #turns = new Map<number, Event>();
  readonly #taken = new Set<number>();
  #broken = false;

  /**
   * Run `body` when its turn has come.
   *
   * @throws RangeError if `place` is not a whole number >= 0
   * @throws Error if the place is taken, or if a task was cancelled or failed while it waited for its turn: the order
   * cannot be kept any more
   */
  *at<T>(place: number, body: () => Operation<T>): Operation<T> {
    if (!(Number.isInteger(place) && place >= 0))
      throw new RangeError(`place must be a whole number >= 0, got ${place}`);
    if (this.#taken.has(place)) throw new Error(`place ${place} of the sequence was taken before`);
    this.#assertWhole();
    this.#taken.add(place);
    if (place > 0) {
      let came = false;
      try {
        yield* this.#turn(place).wait();
        came = true;
      } finally {
        if (!came) this.#break();
      }
      this.#assertWhole();
    }
    try {
      return yield* body();
    } finally {
      this.#turn(place + 1).set();
    }
  }

  #turn(place: number): Event {
    let turn = this.#turns.get(place);
    if (turn === undefined) {
      turn = new Event(`turn ${place} of a sequence`);
      this.#turns.set(place, turn);
    }
    return turn;
  }

  #break(): void {
    this.#broken = true;
    for (const turn of this.#turns.values()) turn.set();
  }

  #assertWhole(): void {
    if (this.#broken) throw new Error("the sequence is broken: a task that waited for its turn was cancelled");
  }
}
