/** What goes wrong with Promise code. */
import { foldWhenPrinted } from "../stack-frames.ts";
import type { CancelCause, CancelSource } from "./scopes.ts";

/**
 * The promise was rejected because something on its own side aborted it (an AbortError, or the reason of a signal that
 * is not ours), while nobody on this side had cancelled it. What it was rejected with is the `cause`.
 */
export class PromiseAborted extends Error {
  override readonly name = "PromiseAborted";
  /** The name of the function whose promise it was. */
  readonly taskName: string;

  constructor(taskName: string, options?: ErrorOptions) {
    const { cause } = options ?? {};
    super(`promise task "${taskName}" aborted itself${cause instanceof Error ? `: ${cause.message}` : ""}`, options);
    this.taskName = taskName;
  }
}

/** A promise did not settle within its grace time after its signal was aborted. Its stack is where the task was made. */
export class PromiseIgnoredAbort extends Error {
  override readonly name = "PromiseIgnoredAbort";
  readonly taskName: string;
  /** Time it was given to settle, in milliseconds. */
  readonly graceMs: number;
  /**
   * What it seems to wait for. With `leaks` on, its own promises and handles, the last made first, each with the frame
   * that made it; without, the kinds of handles that are open in the whole process.
   */
  readonly waitingFor: readonly string[];

  /**
   * @param frames - lines of a stack: where the task was made
   * @param options.cause - the reason its signal was aborted with
   */
  constructor(
    taskName: string,
    graceMs: number,
    facts: { readonly frames: string; readonly waitingFor: readonly string[] },
    options?: ErrorOptions,
  ) {
    const waits = facts.waitingFor.length === 0 ? "" : `; it seems to wait for ${facts.waitingFor.join(", ")}`;
    super(
      `promise task "${taskName}" has ignored its abort signal for ${graceMs} ms${waits}; pass the signal on to what it awaits, or run it in an actor that is killed for that: startActor(name, { promises: "quarantine" })`,
      options,
    );
    this.taskName = taskName;
    this.graceMs = graceMs;
    this.waitingFor = facts.waitingFor;
    this.stack = `${this.name}: ${this.message}\n${facts.frames}`;
  }
}

/** One thing that a promise task has started and not ended. */
export interface LeftBehind {
  /** For people: `timer`, `socket`, `child process`, `rejection: Error: no route`. */
  readonly kind: string;
  /** Lines of a stack: where it was made. */
  readonly stack: string;
}

/** A promise task has settled and left behind what it had started. See `leaks` of `runTask`. */
export class PromiseLeaked extends Error {
  override readonly name = "PromiseLeaked";
  readonly taskName: string;
  /** The first of them, with the stacks of their making. */
  readonly left: readonly LeftBehind[];
  /** How many there are in all. */
  readonly count: number;

  constructor(taskName: string, left: readonly LeftBehind[], count: number) {
    const list = left.map(({ kind, stack }) => `\n  ${kind}\n${indent(stack, "  ")}`).join("");
    const more = count > left.length ? `\n  and ${count - left.length} more` : "";
    const what = count === 1 ? "something that it had started" : `${count} things that it had started`;
    super(
      `promise task "${taskName}" has settled and left behind ${what}; end it before the promise settles:${list}${more}`,
    );
    this.taskName = taskName;
    this.left = left;
    this.count = count;
  }
}

function indent(text: string, by: string): string {
  return text.replace(/^/gm, by);
}

/** @internal The name and the code by which Promise libraries know an abort from a failure. */
export const ABORT_NAME = "AbortError";
/** @internal */
export const ABORT_CODE = "ABORT_ERR";

/** The reason of a promise task's signal when the structured side was cancelled. */
export class ScCancelled extends Error {
  override readonly name = ABORT_NAME;
  readonly code = ABORT_CODE;
  readonly source: CancelSource;
  readonly reason: string;
  /** The task or actor that asked for the cancellation, where it is known. */
  readonly canceller: string | undefined;

  constructor(by: Pick<CancelCause, "source" | "reason" | "canceller">, options?: ErrorOptions) {
    super(`cancelled${by.canceller === undefined ? "" : ` by ${by.canceller}`}: ${by.reason}`, options);
    this.source = by.source;
    this.reason = by.reason;
    this.canceller = by.canceller;
  }
}

/** Whether a Promise library says by `error` that it was aborted. */
export function isAbortError(error: unknown): boolean {
  return error instanceof Error && (error.name === ABORT_NAME || ("code" in error && error.code === ABORT_CODE));
}

foldWhenPrinted(PromiseAborted, PromiseIgnoredAbort, PromiseLeaked, ScCancelled);
