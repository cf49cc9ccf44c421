/** Waiting for a change of what a lock protects, after trio's `Condition`. */
import type { Operation } from "effection";
import { Lock } from "./lock.ts";
import { ParkingLot } from "./park.ts";
import { useTask } from "./task.ts";
import { shielded } from "./timeouts.ts";

export class Condition {
  readonly #lock: Lock;
  readonly #lot = new ParkingLot();

  /** @param lock - by default one of its own; conditions may share one */
  constructor(lock = new Lock()) {
    this.#lock = lock;
  }

  /** Run `body` while holding the lock. */
  hold<T>(body: () => Operation<T>): Operation<T> {
    return this.#lock.hold(body);
  }

  acquire(): Operation<void> {
    return this.#lock.acquire();
  }

  acquireNowait(): void {
    this.#lock.acquireNowait();
  }

  release(): void {
    this.#lock.release();
  }

  /**
   * Let the lock go, wait to be notified, and take the lock again, also when cancelled: so after this, whatever comes
   * of it, the lock is held.
   *
   * @throws Error if this task does not hold the lock; a bare Effection task holds it inside `hold` only
   */
  *wait(): Operation<void> {
    if ((yield* useTask()) === undefined)
      throw new Error("Condition.wait() in an Effection task needs a hold() around it");
    this.#lock.release();
    try {
      yield* this.#lot.park("Condition.wait()");
    } finally {
      yield* shielded(() => this.#lock.acquire());
    }
  }

  /** Wake the `count` tasks that have waited longest. @throws Error if this task does not hold the lock */
  notify(count = 1): void {
    this.#lock.assertHeld("notify");
    this.#lot.unpark(count);
  }

  /** Wake all that wait. @throws Error if this task does not hold the lock */
  notifyAll(): void {
    this.#lock.assertHeld("notifyAll");
    this.#lot.unparkAll();
  }

  statistics(): { readonly tasksWaiting: number; readonly lock: ReturnType<Lock["statistics"]> } {
    return { tasksWaiting: this.#lot.size, lock: this.#lock.statistics() };
  }
}
