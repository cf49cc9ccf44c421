/** A resource that several users have in common: open while there is one. It runs in a tree of its own. */
import { createContext, type Operation, type Result, type Scope } from "effection";
import { Event, ExceptionGroup, SideTree, shielded } from "../core/mod.ts";
import { SharedResourceEnded, shown } from "./errors.ts";
import type { Opener } from "./gather-contexts.ts";

/** Whoever uses it, or waits for it to be opened. */
export interface User {
  /** It ends, or has ended, before its users have left. */
  broken(): void;
  /** What went wrong with it; told when it has gone. */
  failed(failure: Failure): void;
}

export interface Failure {
  readonly error: unknown;
  /** The error of a user that is part of this one. */
  readonly holds?: unknown;
}

/** The shared resource that the current task is part of. */
export const InsideContext = createContext<SharedResource>("espalier.shared");

export class SharedResource {
  readonly name: string;
  /** Set once there is a `value` to use. */
  readonly entered: Event;
  /** Set once all of it has ended. */
  readonly gone: Event;
  value: unknown;
  readonly #key: unknown;
  /** Those whose bodies run, or are to run. */
  readonly #inside = new Set<User>();
  /** Those who have left their bodies, and wait for its end. */
  readonly #staying = new Set<User>();
  #isLeaving = false;
  #isCancelled = false;
  #isBroken = false;
  readonly #leave: Event;
  readonly #empty: Event;
  /** The error by which its last user has left it. */
  #thrown: { readonly error: unknown } | undefined;
  readonly #tree: SideTree<unknown>;
  /** The resources that its own tasks use, or wait for, and how often. */
  readonly #uses = new Map<SharedResource, number>();

  /** @param onGone - called when all of it has ended */
  constructor(key: unknown, onGone: () => void) {
    this.#key = key;
    this.name = shown(key);
    this.entered = new Event(`shared resource ${this.name} to be opened`);
    this.gone = new Event(`shared resource ${this.name} to be left`);
    this.#leave = new Event(`the last user of shared resource ${this.name} to leave`);
    this.#empty = new Event(`the users of shared resource ${this.name}, which is ending, to leave`);
    this.#tree = new SideTree(`shared resource ${this.name}`, (result) => {
      const failure = this.#failureIn(result);
      onGone();
      this.gone.set();
      if (failure !== undefined) for (const user of [...this.#inside, ...this.#staying]) user.failed(failure);
      this.#break();
    });
  }

  /** Whether it is being left: nobody new uses it. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Begin to open it, on the ground of the whole actor. Does not wait. */
  *open(ground: Scope, opener: Opener<unknown>): Operation<void> {
    yield* this.#tree.start(ground, () => InsideContext.with(this, () => opener((value) => this.#hold(value))));
  }

  join(user: User): void {
    this.#inside.add(user);
  }

  /**
   * The body of `user` has ended.
   *
   * @returns whether it is to wait for the end of the resource: it was the last, or all have to leave
   */
  part(user: User): boolean {
    this.#inside.delete(user);
    if (this.#inside.size === 0) {
      this.#isLeaving = true;
      this.#empty.set();
    }
    if (!this.#isLeaving) return false;
    this.#staying.add(user);
    return true;
  }

  /** Leave it as its last user has left its own body. */
  leave(outcome: Result<unknown>): void {
    if (this.#isBroken) return;
    if (!outcome.ok) this.#thrown = { error: outcome.error };
    this.#leave.set();
  }

  /**
   * `user`, which waits for its end, has been cancelled.
   *
   * @returns whether it has to wait all the same: there is nobody else to see to the end, and that is cancelled too
   */
  hurry(user: User): boolean {
    if (this.#inside.size > 0 || this.#staying.size > 1) {
      // It may be what another user's body waits for, which in turn is waited for here.
      this.#staying.delete(user);
      return false;
    }
    this.#isCancelled = true;
    this.#tree.cancel("its last user was cancelled");
    return true;
  }

  /**
   * A task that is part of this resource is going to use another, or to wait for it.
   *
   * @throws Error if that one, in the end, uses this one: neither would ever be left
   */
  use(other: SharedResource): void {
    if (other.#reaches(this)) {
      throw new Error(
        `shared resource ${this.name} uses ${other === this ? "itself" : `${other.name}, which uses it in turn`}: neither could be opened or left; open what both need as a resource of its own`,
      );
    }
    this.#uses.set(other, (this.#uses.get(other) ?? 0) + 1);
  }

  letGo(other: SharedResource): void {
    const count = this.#uses.get(other) ?? 0;
    if (count > 1) this.#uses.set(other, count - 1);
    else this.#uses.delete(other);
  }

  #reaches(target: SharedResource): boolean {
    const seen = new Set<SharedResource>([this]);
    for (const resource of seen) {
      if (resource === target) return true;
      for (const used of resource.#uses.keys()) seen.add(used);
    }
    return false;
  }

  /** The body that the opener runs: as long as there are users. */
  *#hold(value: unknown): Operation<void> {
    if (this.entered.isSet) throw new Error(`the opener of shared resource ${this.name} ran its body a second time`);
    this.value = value;
    this.entered.set();
    try {
      yield* this.#leave.wait();
    } catch (error) {
      // Ended by its opener, or by what that has opened: those who use it go first.
      this.#isBroken = !this.#isCancelled;
      this.#break();
      yield* shielded(() => this.#empty.wait());
      throw error;
    }
    if (this.#thrown !== undefined) throw this.#thrown.error;
  }

  #break(): void {
    this.#isLeaving = true;
    for (const user of this.#inside) user.broken();
  }

  #failureIn(result: Result<unknown>): Failure | undefined {
    if (!result.ok) {
      const thrown = this.#thrown;
      if (thrown === undefined) return { error: result.error };
      if (result.error === thrown.error) return undefined;
      const isPart = result.error instanceof ExceptionGroup && result.error.leaves().includes(thrown.error);
      return { error: result.error, holds: isPart ? thrown.error : undefined };
    }
    if (!this.#isBroken && (this.#leave.isSet || this.#isCancelled)) return undefined;
    if (this.entered.isSet) return { error: new SharedResourceEnded(this.#key) };
    return { error: new Error(`the opener of shared resource ${this.name} returned without running its body`) };
  }
}
