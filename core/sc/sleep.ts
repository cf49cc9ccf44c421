/** Waiting for time, and the bare checkpoint. */
import type { Operation } from "effection";
import { runQueue } from "./run-queue.ts";
import { clockOf, Task, useTask } from "./task.ts";
import { type Exit, NO_EXIT, OK, type Resolve, type Routine, undoing, Wait } from "./wait.ts";

/**
 * Wait `ms` milliseconds on the tree's clock; 0 is a checkpoint, `Infinity` waits for ever.
 *
 * @throws RangeError if `ms` is negative or NaN
 */
export function sleep(ms: number): Operation<void> {
  if (!(ms >= 0)) throw new RangeError(`ms must be >= 0, got ${ms}`);
  return ms === 0 ? CHECKPOINT : new Sleep(ms);
}

/** Wait until a point on the tree's clock (`currentTime()`); a checkpoint if it has passed. @throws RangeError if `time` is NaN */
export function sleepUntil(time: number): Operation<void> {
  if (Number.isNaN(time)) throw new RangeError("time must be a number of milliseconds, got NaN");
  return new SleepUntil(time);
}

/** Wait until cancelled. */
export function sleepForever(): Operation<never> {
  return FOREVER;
}

/** Let others run, and throw `Cancelled` if a cancellation is in effect here. */
export function checkpoint(): Operation<void> {
  return CHECKPOINT;
}

/** Throw `Cancelled` if a cancellation is in effect here; do not wait otherwise. */
export function* checkpointIfCancelled(): Operation<void> {
  const task = yield* useTask();
  if (task?.isCancelled) yield* CHECKPOINT;
}

/** Let others run, and do not look at cancellations. */
export function cancelShieldedCheckpoint(): Operation<void> {
  return SCHEDULE_POINT;
}

/** Milliseconds on the tree's clock. */
export function currentTime(): Operation<number> {
  return NOW;
}

class Sleep extends Wait<void> {
  readonly #ms: number;
  constructor(ms: number) {
    super();
    this.#ms = ms;
  }
  get description(): string {
    return `sleep(${this.#ms})`;
  }
  enter(resolve: Resolve<void>, routine: Routine): Exit {
    const clock = clockOf(routine);
    return undoing(clock.at(clock.now() + this.#ms, () => resolve(OK)));
  }
}

class SleepUntil extends Wait<void> {
  readonly #time: number;
  constructor(time: number) {
    super();
    this.#time = time;
  }
  get description(): string {
    return `sleepUntil(${this.#time})`;
  }
  enter(resolve: Resolve<void>, routine: Routine): Exit {
    const clock = clockOf(routine);
    if (this.#time > clock.now()) return undoing(clock.at(this.#time, () => resolve(OK)));
    return pass(resolve, routine);
  }
}

class Forever extends Wait<never> {
  readonly description = "sleepForever()";
  enter(): Exit {
    return NO_EXIT;
  }
}

class Checkpoint extends Wait<void> {
  readonly description = "checkpoint()";
  enter(resolve: Resolve<void>, routine: Routine): Exit {
    return pass(resolve, routine);
  }
}

class SchedulePoint extends Checkpoint {
  override get cancellable(): boolean {
    return false;
  }
}

/** Let the others run. Our own tasks are queued anew by any effect; a foreign one would go on at once. */
function pass(resolve: Resolve<void>, routine: Routine): Exit {
  if (Task.of(routine) !== undefined) resolve(OK);
  else runQueue.schedule({ enqueued: false, run: () => resolve(OK) });
  return NO_EXIT;
}

class Now extends Wait<number> {
  readonly description = "currentTime()";
  override get cancellable(): boolean {
    return false;
  }
  enter(resolve: Resolve<number>, routine: Routine): Exit {
    resolve({ ok: true, value: clockOf(routine).now() });
    return NO_EXIT;
  }
}

const FOREVER = new Forever();
const CHECKPOINT = new Checkpoint();
const SCHEDULE_POINT = new SchedulePoint();
const NOW = new Now();
