/** Who may give a global name to an actor: one at a time, in the order in which they have asked. */
import type { Operation } from "effection";
import { Lock } from "../sc/lock.ts";

export class NameClaims {
  readonly #locks = new Map<string, { readonly lock: Lock; users: number }>();

  /** Run `body` while nobody else does for `name`. */
  *hold<T>(name: string, body: () => Operation<T>): Operation<T> {
    let entry = this.#locks.get(name);
    if (entry === undefined) {
      entry = { lock: new Lock(), users: 0 };
      this.#locks.set(name, entry);
    }
    entry.users++;
    try {
      return yield* entry.lock.hold(body);
    } finally {
      if (--entry.users === 0) this.#locks.delete(name);
    }
  }
}
