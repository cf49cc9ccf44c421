/** Failures that wait for somebody to look: what nobody has looked at in the end is reported. */
import { inspect } from "node:util";
import { reportWarning } from "../core/mod.ts";
import { MAX_UNSEEN_FAILURES } from "./limits.ts";

interface Unseen {
  readonly what: string;
  readonly error: unknown;
}

export class UnseenFailures {
  readonly #waiting = new Set<Unseen>();

  /** Keep `error` until the returned function says that somebody was told. */
  add(what: string, error: unknown): () => void {
    const unseen = { what, error };
    this.#waiting.add(unseen);
    const [oldest] = this.#waiting;
    if (this.#waiting.size > MAX_UNSEEN_FAILURES && oldest !== undefined) this.#report(oldest);
    return () => this.#waiting.delete(unseen);
  }

  reportAll(): void {
    for (const unseen of this.#waiting) this.#report(unseen);
  }

  #report(unseen: Unseen): void {
    this.#waiting.delete(unseen);
    const { what, error } = unseen;
    const message = `${what} has failed, and nobody has looked: ${error instanceof Error ? error.message : String(error)}`;
    reportWarning({ type: "UnseenFailure", message, error, detail: inspect(error) });
  }
}
