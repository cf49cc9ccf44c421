/** A result that arrives once, from anywhere, and can be waited for any number of times, before and after. */
import type { Operation, Result } from "effection";
import { type Exit, err, NO_EXIT, ok, type Resolve, undoing, Wait } from "./wait.ts";

export class Deferred<T> {
  #result: Result<T> | undefined;
  /** Most have one waiter: a set is made for the second. */
  #waiter: Resolve<T> | undefined;
  #others: Set<Resolve<T>> | undefined;
  readonly description: string;
  readonly byHost: boolean;

  /**
   * @param description - what is waited for, for dumps
   * @param byHost - the host settles it (I/O, a process), not one of our tasks
   */
  constructor(description: string, byHost = false) {
    this.description = description;
    this.byHost = byHost;
  }

  /** The result, once there is one. */
  get result(): Result<T> | undefined {
    return this.#result;
  }

  /** Only the first result counts; says whether this was it. */
  settle(result: Result<T>): boolean {
    if (this.#result !== undefined) return false;
    this.#result = result;
    const waiter = this.#waiter;
    const others = this.#others;
    this.#waiter = this.#others = undefined;
    waiter?.(result);
    if (others !== undefined) for (const resolve of others) resolve(result);
    return true;
  }

  resolve(value: T): boolean {
    return this.settle(ok(value));
  }

  reject(error: unknown): boolean {
    return this.settle(err(error));
  }

  /** Wait for the result; a checkpoint if it is there already. @throws what it was rejected with */
  wait(): Operation<T> {
    return new DeferredWait(this);
  }

  /** @internal */
  add(waiter: Resolve<T>): void {
    if (this.#waiter === undefined && this.#others === undefined) this.#waiter = waiter;
    else {
      this.#others ??= new Set();
      this.#others.add(waiter);
    }
  }

  /** @internal */
  remove(waiter: Resolve<T>): void {
    if (this.#waiter === waiter) this.#waiter = undefined;
    else this.#others?.delete(waiter);
  }
}

class DeferredWait<T> extends Wait<T> {
  readonly #deferred: Deferred<T>;

  constructor(deferred: Deferred<T>) {
    super();
    this.#deferred = deferred;
  }

  get description(): string {
    return this.#deferred.description;
  }

  override get byHost(): boolean {
    return this.#deferred.byHost;
  }

  enter(resolve: Resolve<T>): Exit {
    const deferred = this.#deferred;
    if (deferred.result !== undefined) {
      resolve(deferred.result);
      return NO_EXIT;
    }
    deferred.add(resolve);
    return undoing(() => deferred.remove(resolve));
  }
}
