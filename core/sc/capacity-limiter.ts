/**
 * A limit on how much goes on at once, after trio's `CapacityLimiter`: a number of tokens, each lent to one borrower,
 * which is a task or any object that stands for the work. The limit can be changed while tokens are lent.
 */
import type { Operation } from "effection";
import { WouldBlock } from "../errors/mod.ts";
import { Hold } from "./hold.ts";
import { runningTask } from "./task.ts";
import { type Exit, err, NO_EXIT, OK, type Resolve, type Routine, undoing, Wait } from "./wait.ts";

export interface LimiterStatistics {
  readonly borrowedTokens: number;
  readonly totalTokens: number;
  readonly borrowers: readonly object[];
  readonly tasksWaiting: number;
}

export class CapacityLimiter {
  #totalTokens: number;
  readonly #borrowers = new Set<object>();
  readonly #waiters = new Map<object, Resolve<void>>();

  /** @throws RangeError if `totalTokens` is neither a whole number >= 0 nor `Infinity` */
  constructor(totalTokens: number) {
    this.#totalTokens = checkedTotal(totalTokens);
  }

  get totalTokens(): number {
    return this.#totalTokens;
  }

  /** Raised, it lets waiting borrowers in at once; lowered, it lets nobody in until enough tokens are back. */
  set totalTokens(tokens: number) {
    this.#totalTokens = checkedTotal(tokens);
    this.#letIn();
  }

  get borrowedTokens(): number {
    return this.#borrowers.size;
  }

  /** Tokens left; 0 also if more are lent than there are by now. */
  get availableTokens(): number {
    return Math.max(0, this.#totalTokens - this.#borrowers.size);
  }

  /** Run `body` while this task borrows a token. */
  hold<T>(body: () => Operation<T>): Operation<T> {
    return new Hold(this, body);
  }

  /** Run `body` while `borrower` borrows a token. */
  holdOnBehalfOf<T>(borrower: object, body: () => Operation<T>): Operation<T> {
    const acquire = () => this.acquireOnBehalfOf(borrower);
    return new Hold({ acquire, release: () => this.releaseOnBehalfOf(borrower) }, body);
  }

  /** Borrow a token for this task; wait while none is left. @throws Error if it has one */
  acquire(): Operation<void> {
    return new Borrow((borrower) => this.#take(borrower), this.#waiters, undefined);
  }

  /** Borrow a token for `borrower`; wait while none is left. @throws Error if it has one, or waits for one */
  acquireOnBehalfOf(borrower: object): Operation<void> {
    return new Borrow((it) => this.#take(it), this.#waiters, borrower);
  }

  /** As `acquire`, at once. @throws WouldBlock if none is left; Error outside of a task, or if it has one */
  acquireNowait(): void {
    this.acquireOnBehalfOfNowait(this.#runningBorrower("acquireNowait"));
  }

  /** As `acquireOnBehalfOf`, at once. @throws WouldBlock if none is left; Error if it has one */
  acquireOnBehalfOfNowait(borrower: object): void {
    const taken = this.#take(borrower);
    if (taken === undefined) throw new WouldBlock("no token is left");
    if (taken instanceof Error) throw taken;
  }

  /** Give this task's token back. @throws Error if it has none, or outside of a task */
  release(): void {
    this.releaseOnBehalfOf(this.#runningBorrower("release"));
  }

  /** Give the token of `borrower` back. @throws Error if it has none */
  releaseOnBehalfOf(borrower: object): void {
    if (!this.#borrowers.delete(borrower)) throw new Error("release: this borrower has no token of this limiter");
    this.#letIn();
  }

  statistics(): LimiterStatistics {
    return {
      borrowedTokens: this.#borrowers.size,
      totalTokens: this.#totalTokens,
      borrowers: [...this.#borrowers],
      tasksWaiting: this.#waiters.size,
    };
  }

  #take(borrower: object): true | Error | undefined {
    if (this.#borrowers.has(borrower)) return new Error("this borrower has a token of this limiter already");
    if (this.#waiters.has(borrower)) return new Error("this borrower waits for a token of this limiter already");
    if (this.#borrowers.size >= this.#totalTokens) return undefined;
    this.#borrowers.add(borrower);
    return true;
  }

  #letIn(): void {
    for (const [borrower, resolve] of this.#waiters) {
      if (this.#borrowers.size >= this.#totalTokens) return;
      this.#waiters.delete(borrower);
      this.#borrowers.add(borrower);
      resolve(OK);
    }
  }

  #runningBorrower(call: string): object {
    const task = runningTask();
    if (task === undefined) throw new Error(`${call}: not in a task; say on whose behalf`);
    return task;
  }
}

class Borrow extends Wait<void> {
  readonly description = "CapacityLimiter.acquire()";
  readonly #take: (borrower: object) => true | Error | undefined;
  readonly #waiters: Map<object, Resolve<void>>;
  readonly #borrower: object | undefined;

  constructor(
    take: (borrower: object) => true | Error | undefined,
    waiters: Map<object, Resolve<void>>,
    borrower: object | undefined,
  ) {
    super();
    this.#take = take;
    this.#waiters = waiters;
    this.#borrower = borrower;
  }

  enter(resolve: Resolve<void>, routine: Routine): Exit {
    const borrower = this.#borrower ?? routine;
    const taken = this.#take(borrower);
    if (taken !== undefined) {
      resolve(taken === true ? OK : err(taken));
      return NO_EXIT;
    }
    this.#waiters.set(borrower, resolve);
    return undoing(() => {
      if (this.#waiters.get(borrower) === resolve) this.#waiters.delete(borrower);
    });
  }
}

function checkedTotal(tokens: number): number {
  if (tokens >= 0 && (Number.isInteger(tokens) || tokens === Number.POSITIVE_INFINITY)) return tokens;
  throw new RangeError(`totalTokens must be a whole number >= 0 or Infinity, got ${tokens}`);
}
