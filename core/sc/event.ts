/** A flag that tasks can wait for, after trio's `Event`. */
import type { Operation } from "effection";
import { type Exit, NO_EXIT, OK, type Resolve, undoing, Wait } from "./wait.ts";

export class Event {
  #isSet = false;
  readonly #waiters = new Set<Resolve<void>>();
  readonly #wait: Operation<void>;

  /** @param description - what is waited for, for dumps */
  constructor(description = "Event.wait()") {
    this.#wait = new EventWait(description, this.#waiters, () => this.#isSet);
  }

  get isSet(): boolean {
    return this.#isSet;
  }

  /** Set the flag, for good, and wake everyone who waits for it. Callable from any callback. */
  set(): void {
    this.#isSet = true;
    for (const resolve of this.#waiters) resolve(OK);
    this.#waiters.clear();
  }

  /** Wait until the flag is set; a checkpoint if it is set already. */
  wait(): Operation<void> {
    return this.#wait;
  }

  statistics(): { readonly tasksWaiting: number } {
    return { tasksWaiting: this.#waiters.size };
  }
}

class EventWait extends Wait<void> {
  readonly description: string;
  readonly #waiters: Set<Resolve<void>>;
  readonly #isSet: () => boolean;

  constructor(description: string, waiters: Set<Resolve<void>>, isSet: () => boolean) {
    super();
    this.description = description;
    this.#waiters = waiters;
    this.#isSet = isSet;
  }

  enter(resolve: Resolve<void>): Exit {
    if (this.#isSet()) {
      resolve(OK);
      return NO_EXIT;
    }
    this.#waiters.add(resolve);
    return undoing(() => this.#waiters.delete(resolve));
  }
}
