/**
 * Backpressure around RxJS, which has none: what feeds an observable waits while what reads the far end of its
 * operators is behind.
 */
import type { Operation } from "effection";
import { ParkingLot } from "../core/mod.ts";

/**
 * Give one to the `toObservable` that feeds a pipeline of operators and to the `fromObservable` that reads it. The
 * source is then not read while the buffer of the reader is half full or more: nothing overflows, as long as one item
 * put into the pipeline makes no more than half a buffer of items come out.
 */
export class Backpressure {
  readonly #waiting = new ParkingLot();
  #holds = 0;

  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** Hold the source up; the returned function lets it go on, once. Several may hold it. */
  hold(): () => void {
    this.#holds++;
    let isMine = true;
    return () => {
      if (!isMine) return;
      isMine = false;
      if (--this.#holds === 0) this.#waiting.unparkAll();
    };
  }

  /** Wait while anyone holds the source up; do not wait otherwise. */
  *relieved(): Operation<void> {
    while (this.isHeld) yield* this.#waiting.park("the far end of an observable to catch up");
  }
}
