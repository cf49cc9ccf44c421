/** What the helpers raise, as small named classes: facts are fields, the origin is `cause`. */
import { inspect } from "node:util";
import { MAX_SHOWN_CHARS } from "./limits.ts";

/** `value` as an error shows it: on one line, and not all of it if it is long. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : inspect(value, { depth: 3, breakLength: Number.POSITIVE_INFINITY });
  return text.length <= MAX_SHOWN_CHARS ? text : `${text.slice(0, MAX_SHOWN_CHARS)}…`;
}

/** Raised at every user of a shared resource whose opener has returned while it was in use. */
export class SharedResourceEnded extends Error {
  override readonly name = "SharedResourceEnded";
  /** As it was given. */
  readonly key: unknown;

  constructor(key: unknown) {
    super(
      `the shared resource ${shown(key)} ended while it was in use: its opener returned before its users had left; let the opener wait for its body, or throw what ended it`,
    );
    this.key = key;
  }
}
