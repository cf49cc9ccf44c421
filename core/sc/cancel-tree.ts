/**
 * The tree of cancellations inside one task tree, after trio's `CancelStatus`. A status knows whether a cancellation is
 * in effect where it stands, and the nearest deadline; both are cached and recomputed downwards, from an explicit work
 * list, whenever a cause changes. Tasks point to their innermost status and to nothing else.
 */
import { type CancelCause, Cancelled } from "../errors/mod.ts";
import { withFrames } from "../stack-frames.ts";
import { instrument } from "./instrument.ts";

/** What stands in a status: a task that may be blocked. */
export interface CancelTarget {
  /** A cancellation has come into effect where you stand: deliver it if you are blocked. */
  deliverCancel(): void;
}

/** Who hears, before anybody else, that a status is cancelled. */
export interface CancelListener {
  cancelled(cause: CancelCause): void;
}

export const DEADLINE_PASSED: CancelCause = { source: "deadline", reason: "deadline has passed" };

export class CancelStatus {
  #parent: CancelStatus | undefined;
  #children: Set<CancelStatus> | undefined;
  /** The children of the parent, this one included. */
  #siblings: Set<CancelStatus> | undefined;
  /** Who stands here: one, most of the time; a set is made for the second. */
  #task: CancelTarget | undefined;
  #tasks: Set<CancelTarget> | undefined;
  #shield: boolean;
  #deadline: number;
  #cause: CancelCause | undefined;
  #cancelled: Cancelled | undefined;
  /** The status whose cancellation is in effect here, if any. */
  #effectiveFrom: CancelStatus | undefined;
  /** The earliest deadline that would cancel whoever stands here; `Infinity` for none, `-Infinity` once cancelled. */
  effectiveDeadline = Number.POSITIVE_INFINITY;
  /** The scope whose status this is. */
  scope: CancelListener | undefined;
  /** What the work in it is for, where somebody has said so. */
  label: string | undefined;

  constructor(parent: CancelStatus | undefined, shield = false, deadline = Number.POSITIVE_INFINITY) {
    this.#shield = shield;
    this.#deadline = deadline;
    this.#adoptBy(parent);
    this.#refresh();
  }

  get parent(): CancelStatus | undefined {
    return this.#parent;
  }

  /** What the work that stands here is for: the nearest label from here outwards. */
  get purpose(): string | undefined {
    let status: CancelStatus | undefined = this;
    while (status !== undefined && status.label === undefined) status = status.#parent;
    return status?.label;
  }

  /** Whether a blocked task that stands here is to be cancelled. */
  get effective(): boolean {
    return this.#effectiveFrom !== undefined;
  }

  set deadline(time: number) {
    this.#deadline = time;
    this.#recompute();
  }

  set shield(value: boolean) {
    this.#shield = value;
    this.#recompute();
  }

  /** Whether a cancellation from further out is in effect here. */
  get parentVisible(): boolean {
    return !this.#shield && this.#parent !== undefined && this.#parent.effective;
  }

  /** Cancel everything below, shields aside. Only the first cause counts. */
  cancel(cause: CancelCause): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    this.scope?.cancelled(cause);
    instrument?.scopeCancelled?.(cause);
    this.#recompute();
  }

  /** Cancel every status from here outwards, up to the first shield, whose deadline is not after `now`. */
  expire(now: number): void {
    const late: CancelStatus[] = [];
    for (let s: CancelStatus | undefined = this; s !== undefined; s = s.#shield ? undefined : s.#parent) {
      if (s.#deadline <= now) late.push(s);
    }
    for (const status of late.reverse()) status.cancel(DEADLINE_PASSED);
  }

  /**
   * The error to throw into a task that stands here, where a cancellation is in effect. One instance for all of them;
   * its stack is the canceller's, where that is code.
   */
  cancelledError(): Cancelled {
    const from = this.#effectiveFrom as CancelStatus;
    from.#cancelled ??= cancelledFor(from.#cause as CancelCause);
    return from.#cancelled;
  }

  enter(task: CancelTarget): void {
    if (this.#tasks !== undefined) this.#tasks.add(task);
    else if (this.#task === undefined) this.#task = task;
    else {
      this.#tasks = new Set([this.#task, task]);
      this.#task = undefined;
    }
  }

  leave(task: CancelTarget): void {
    if (this.#task === task) this.#task = undefined;
    else this.#tasks?.delete(task);
  }

  /** Move this status, and all that stands in it, under another parent. */
  moveTo(parent: CancelStatus): void {
    this.close();
    this.#adoptBy(parent);
    this.#recompute();
  }

  /** Take this status out of the tree when its block has been left. */
  close(): void {
    this.#siblings?.delete(this);
  }

  #adoptBy(parent: CancelStatus | undefined): void {
    this.#parent = parent;
    if (parent === undefined) return;
    parent.#children ??= new Set();
    parent.#children.add(this);
    this.#siblings = parent.#children;
  }

  /** Recompute the two cached facts; says whether either changed. */
  #refresh(): boolean {
    const outer = this.#shield ? undefined : this.#parent;
    const outerFrom = outer === undefined ? undefined : outer.#effectiveFrom;
    const from = this.#cause === undefined ? outerFrom : this;
    const deadline =
      from !== undefined
        ? Number.NEGATIVE_INFINITY
        : Math.min(this.#deadline, outer?.effectiveDeadline ?? Number.POSITIVE_INFINITY);
    const changed = from !== this.#effectiveFrom || deadline !== this.effectiveDeadline;
    this.#effectiveFrom = from;
    this.effectiveDeadline = deadline;
    return changed;
  }

  #recompute(): void {
    const work: CancelStatus[] = [this];
    const reached: CancelStatus[] = [];
    // Breadth first, and the list grows meanwhile: parents before children, elder before younger.
    for (const status of work) {
      const before = status.effective;
      if (!status.#refresh()) continue;
      if (status.effective && !before) reached.push(status);
      if (status.#children !== undefined) for (const child of status.#children) work.push(child);
    }
    // Deliver only when the whole tree is settled: what a delivery sets off must see it as it is.
    for (const status of reached) {
      if (status.#task !== undefined) status.#task.deliverCancel();
      else if (status.#tasks !== undefined) for (const task of [...status.#tasks]) task.deliverCancel();
    }
  }
}

/** A deadline, a peer and a failed sibling do not call `cancel()`: who runs then is the runtime, and its stack is no news. */
function cancelledFor(cause: CancelCause): Cancelled {
  const isCalled = cause.source === "cancel" || cause.source === "host";
  return isCalled ? new Cancelled(cause) : withFrames(0, () => new Cancelled(cause));
}
