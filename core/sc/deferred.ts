/** A result that arrives once, from anywhere, and can be waited for any number of times, before and after. */
import type { Operation, Result } from "effection";
import { type Exit, err, NO_EXIT, ok, type Resolve, undoing, Wait } from "./wait.ts";

export class Deferred<T> {
  #result: Result<T> | undefined;
  readonly #waiters = new Set<Resolve<T>>();
  readonly #description: string;
  readonly #byHost: boolean;

  /**
   * @param description - what is waited for, for dumps
   * @param byHost - the host settles it (I/O, a process), not one of our tasks
   */
  constructor(description: string, byHost = false) {
    this.#description = description;
    this.#byHost = byHost;
  }

  /** The result, once there is one. */
  get result(): Result<T> | undefined {
    return this.#result;
  }

  /** Only the first result counts; says whether this was it. */
  settle(result: Result<T>): boolean {
    if (this.#result !== undefined) return false;
    this.#result = result;
    for (const resolve of this.#waiters) resolve(result);
    this.#waiters.clear();
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
    return new DeferredWait(this, this.#waiters, this.#description, this.#byHost);
  }
}

class DeferredWait<T> extends Wait<T> {
  readonly description: string;
  readonly #deferred: Deferred<T>;
  readonly #waiters: Set<Resolve<T>>;
  readonly #byHost: boolean;

  constructor(deferred: Deferred<T>, waiters: Set<Resolve<T>>, description: string, byHost: boolean) {
    super();
    this.#deferred = deferred;
    this.#waiters = waiters;
    this.description = description;
    this.#byHost = byHost;
  }

  override get byHost(): boolean {
    return this.#byHost;
  }

  enter(resolve: Resolve<T>): Exit {
    const { result } = this.#deferred;
    if (result !== undefined) {
      resolve(result);
      return NO_EXIT;
    }
    this.#waiters.add(resolve);
    return undoing(() => this.#waiters.delete(resolve));
  }
}
