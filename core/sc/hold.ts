/** The block form of what is acquired and released: the one that cannot be left without the release. */
import type { Operation } from "effection";
import { enterTree } from "./bridge.ts";
import { useTask } from "./task.ts";
import type { Steps } from "./wait.ts";

export interface Acquirable {
  acquire(): Operation<void>;
  release(): void;
}

export class Hold<T> implements Operation<T> {
  readonly #what: Acquirable;
  readonly #body: () => Operation<T>;

  constructor(what: Acquirable, body: () => Operation<T>) {
    this.#what = what;
    this.#body = body;
  }

  *[Symbol.iterator](): Steps<T> {
    // A foreign task may be halted after it was handed the thing and before it knows; a task of ours is not.
    if ((yield* useTask()) === undefined) return yield* enterTree({ name: "hold" }, () => this);
    yield* this.#what.acquire();
    try {
      return yield* this.#body();
    } finally {
      this.#what.release();
    }
  }
}
