/** Mutual exclusion between tasks, after trio's `Lock`: owned by the task that took it, handed on first come first served. */
import type { Operation } from "effection";
import { WouldBlock } from "../errors/mod.ts";
import { Hold } from "./hold.ts";
import { runningTask, Task } from "./task.ts";
import { type Exit, err, NO_EXIT, OK, type Resolve, type Routine, undoing, Wait } from "./wait.ts";

interface Waiter {
  readonly owner: object;
  readonly resolve: Resolve<void>;
}

/** Stands for whoever owns a lock that was taken by a plain call outside of our tasks. */
const OUTSIDE = Object.freeze({ name: "code outside of a task" });

export class Lock {
  #owner: object | undefined;
  readonly #waiters = new Set<Waiter>();

  /** Whether anybody holds it. */
  get locked(): boolean {
    return this.#owner !== undefined;
  }

  /** Run `body` while holding the lock. The form to prefer: it works in Effection's own tasks, too. */
  hold<T>(body: () => Operation<T>): Operation<T> {
    return new Hold(this, body);
  }

  /** Take the lock; wait while another task holds it. @throws Error if this task holds it already */
  acquire(): Operation<void> {
    return new Acquire((owner) => this.#take(owner), this.#waiters);
  }

  /** As `acquire`, at once. @throws WouldBlock if it is held, Error if by this very task */
  acquireNowait(): void {
    const taken = this.#take(runningTask() ?? OUTSIDE);
    if (taken === undefined) throw new WouldBlock("the lock is held");
    if (taken instanceof Error) throw taken;
  }

  /**
   * Hand the lock to the task that has waited longest. Plain and synchronous, for `finally`.
   *
   * @throws Error if this task does not hold it
   */
  release(): void {
    this.assertHeld("release");
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      this.#owner = waiter.owner;
      waiter.resolve(OK);
      return;
    }
    this.#owner = undefined;
  }

  /** @internal @throws Error if this task does not hold the lock */
  assertHeld(what: string): void {
    const owner = this.#owner;
    const task = runningTask();
    if (owner !== undefined && (owner instanceof Task ? owner === task : task === undefined)) return;
    throw new Error(`${what}: the lock is ${owner === undefined ? "not held" : `held by ${nameOf(owner)}`}`);
  }

  statistics(): { readonly locked: boolean; readonly owner: string | undefined; readonly tasksWaiting: number } {
    const owner = this.#owner;
    return {
      locked: owner !== undefined,
      owner: owner === undefined ? undefined : nameOf(owner),
      tasksWaiting: this.#waiters.size,
    };
  }

  #take(owner: object): true | Error | undefined {
    if (this.#owner === undefined) {
      this.#owner = owner;
      return true;
    }
    return this.#owner === owner ? new Error(`${nameOf(owner)} holds the lock already`) : undefined;
  }
}

/** A `Lock` whose users rely on its order; here every lock keeps it, and this name says so to the reader. */
export class StrictFIFOLock extends Lock {}

class Acquire extends Wait<void> {
  readonly description = "Lock.acquire()";
  readonly #take: (owner: object) => true | Error | undefined;
  readonly #waiters: Set<Waiter>;

  constructor(take: (owner: object) => true | Error | undefined, waiters: Set<Waiter>) {
    super();
    this.#take = take;
    this.#waiters = waiters;
  }

  enter(resolve: Resolve<void>, routine: Routine): Exit {
    const taken = this.#take(routine);
    if (taken !== undefined) {
      resolve(taken === true ? OK : err(taken));
      return NO_EXIT;
    }
    const waiter: Waiter = { owner: routine, resolve };
    this.#waiters.add(waiter);
    return undoing(() => this.#waiters.delete(waiter));
  }
}

function nameOf(owner: object): string {
  if (owner instanceof Task) return `task "${owner.name}"`;
  return owner === OUTSIDE ? OUTSIDE.name : "an Effection task";
}
