/** Waits that are over before they begin: taken in place, but never past a cancellation, and not for ever. */
import { type Operation, type Result, run as runInEffection, type Stream } from "effection";
import { isCancelled } from "../../core/errors/mod.ts";
import { each, IN_PLACE, type PromptSubscription } from "../../core/sc/each.ts";
import { CancelScope, checkpoint, openNursery } from "../../core/sc/mod.ts";
import { PromptWait } from "../../core/sc/prompt-wait.ts";
import { type Exit, err, Immediate, NO_EXIT, ok, type Resolve } from "../../core/sc/wait.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";

/** Gives one number after the other; every `gap`th is not there yet, and waited for. */
class Numbers {
  given = 0;
  entered = 0;
  readonly gap: number;

  constructor(gap = Number.POSITIVE_INFINITY) {
    this.gap = gap;
  }

  readonly [IN_PLACE] = true;

  next(): Operation<number> {
    return new NextNumber(this);
  }

  attempt(): Result<number> | undefined {
    return (this.given + 1) % this.gap === 0 ? undefined : ok(this.given++);
  }

  /** As a stream, of `count` of them. */
  upTo(count: number): Stream<number, void> {
    const iteration = (value: number) => (value < count ? { done: false, value } : { done: true, value: undefined });
    const numbers = this;
    const subscription = {
      *next() {
        return iteration(yield* numbers.next()) as IteratorResult<number, void>;
      },
      nextNow() {
        const taken = numbers.attempt();
        return taken?.ok === true ? (iteration(taken.value) as IteratorResult<number, void>) : undefined;
      },
    } satisfies PromptSubscription<number>;
    const stream: Stream<number, void> & { [IN_PLACE]: true } = {
      [IN_PLACE]: true,
      [Symbol.iterator]: () => new Immediate(subscription)[Symbol.iterator](),
    };
    return stream;
  }
}

class NextNumber extends PromptWait<number> {
  readonly description = "the next number";
  readonly #numbers: Numbers;

  constructor(numbers: Numbers) {
    super();
    this.#numbers = numbers;
  }

  attempt(): Result<number> | undefined {
    return this.#numbers.attempt();
  }

  enter(resolve: Resolve<number>): Exit {
    this.#numbers.entered++;
    resolve(ok(this.#numbers.given++));
    return NO_EXIT;
  }
}

class Refused extends PromptWait<never> {
  readonly description = "nothing";
  attempt(): Result<never> {
    return err(new RangeError("refused"));
  }
  enter(): Exit {
    return NO_EXIT;
  }
}

describe("a prompt wait", () => {
  it("is taken in place while there is something, and waited for where not", function* () {
    const numbers = new Numbers(4);
    const got: number[] = [];
    for (let i = 0; i < 12; i++) got.push(yield* numbers.next());
    expect(got).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(numbers.entered).toBe(3);
  });

  it("throws what it fails with, in place", function* () {
    expect(yield* errorOf(new Refused())).toMatchObject({ message: "refused" });
  });

  it("lets the other tasks have their turn after a bounded number", function* () {
    const numbers = new Numbers();
    const seen: number[] = [];
    let isOver = false;
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        while (numbers.given < 1_000) yield* numbers.next();
        isOver = true;
      });
      n.startSoon(function* () {
        while (!isOver) {
          seen.push(numbers.given);
          yield* checkpoint();
        }
      });
    });
    expect(seen.length).toBeGreaterThan(10);
    expect(numbers.entered).toBeGreaterThan(10);
  });

  it("is no way past a cancellation, and nothing has happened then", function* () {
    const numbers = new Numbers();
    const scope = new CancelScope();
    let error: unknown;
    yield* scope.run(function* () {
      yield* numbers.next();
      scope.cancel("enough");
      try {
        yield* numbers.next();
      } catch (cancelled) {
        error = cancelled;
        throw cancelled;
      }
    });
    expect(isCancelled(error)).toBe(true);
    expect(numbers.given).toBe(1);
  });

  it("is waited for by a task of Effection's own", async () => {
    const numbers = new Numbers();
    expect(await runInEffection(() => numbers.next())).toBe(0);
    expect(numbers.entered).toBe(1);
  });

  it("can be given up before it has begun", function* () {
    const steps = new NextNumber(new Numbers())[Symbol.iterator]();
    expect(steps.return?.(7)).toEqual({ done: true, value: 7 });
    expect(() => steps.throw?.(new Error("thrown in"))).toThrow("thrown in");
  });
});

describe("each, over a stream that tells what is there", () => {
  it("takes items in place, waits for the others, and ends", function* () {
    const numbers = new Numbers(5);
    const got: number[] = [];
    for (const number of yield* each(numbers.upTo(23))) {
      got.push(number);
      yield* each.next();
    }
    expect(got).toEqual(Array.from({ length: 23 }, (_, i) => i));
    expect(numbers.entered).toBeGreaterThan(2);
  });

  it("lets the other tasks have their turn", function* () {
    let turns = 0;
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        for (;;) {
          turns++;
          yield* checkpoint();
        }
      });
      for (const _number of yield* each(new Numbers().upTo(1_000))) yield* each.next();
      n.cancelScope.cancel("seen");
    });
    expect(turns).toBeGreaterThan(10);
  });

  it("outside of a task of ours is Effection's", async () => {
    await expect(runInEffection(() => each.next())).rejects.toThrow();
  });
});
