/**
 * The last items of a sequence, for readers that stand at different places in it. An item is kept until all have passed
 * it, but no more than `capacity` items are: a reader that is further behind finds its place gone.
 */

/** A place in the sequence. The last one is empty, and has no next, until its item has been read. */
export interface Place<T> {
  /** Of the items that were ever added, from 0. */
  readonly number: number;
  item: T | undefined;
  next: Place<T> | undefined;
  /** Readers whose next item this is. */
  standing: number;
}

/** A chain and not an array: each reader holds its place in it, and a step costs the same for any number of readers. */
export class Backlog<T> {
  readonly capacity: number;
  readers = 0;
  /** The oldest that is kept; the empty one if no item is. A reader whose place has a lower number has missed items. */
  first: Place<T> = { number: 0, item: undefined, next: undefined, standing: 0 };
  last = this.first;

  /** @param capacity - items, at least 1: the newest item is never the one that is dropped */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.last.number - this.first.number;
  }

  /** A reader comes; returns its place, that of the next item to be added. */
  enter(): Place<T> {
    this.readers++;
    this.last.standing++;
    return this.last;
  }

  /** A reader leaves `place` for `next`, or for good. */
  leave(place: Place<T>, next?: Place<T>): void {
    // One whose place is gone counts as standing at the first, though it has not looked yet.
    const at = place.number < this.first.number ? this.first : place;
    at.standing--;
    if (next === undefined) this.readers--;
    else next.standing++;
    this.#trim();
  }

  add(item: T): void {
    const filled = this.last;
    this.last = { number: filled.number + 1, item: undefined, next: undefined, standing: 0 };
    filled.item = item;
    filled.next = this.last;
    this.#trim();
  }

  #trim(): void {
    for (let { first } = this; first.next !== undefined; first = this.first) {
      if (first.standing > 0 && this.size <= this.capacity) return;
      this.first = first.next;
      this.first.standing += first.standing;
      // Whoever still stands here must not keep alive what it has missed, nor all that comes after.
      first.item = undefined;
      first.next = undefined;
    }
  }
}
