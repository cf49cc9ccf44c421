import { type Operation, run as runInEffection, spawn } from "effection";
import {
  CancelScope,
  checkpoint,
  Event,
  ExceptionGroup,
  isCancelled,
  moveOnAfter,
  openActorNursery,
  openNursery,
  type Portal,
  run,
  shielded,
  shuffleRunOrder,
  sleep,
  sleepForever,
  taskTree,
  VirtualClock,
} from "espalier";
import { maybeOpenContext, type Opener, type SharedKey, SharedResourceEnded } from "espalier/trionics";
import fc from "fast-check";
import { expectTypeOf } from "vitest";
import { useVirtualClock } from "../../core/sc/virtual-clock.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import { hold, release, untilUsers } from "./fixtures/holder.ts";

/** Opens and closes in `ms` each, and writes that down. */
function opener<T>(log: string[], value: T, ms = 5): Opener<T> {
  return function* (use): Operation<void> {
    yield* sleep(ms);
    log.push("opened");
    try {
      yield* use(value);
    } catch (error) {
      log.push(isCancelled(error) ? "cancelled" : `thrown ${(error as Error).message}`);
      throw error;
    } finally {
      yield* shielded(() => sleep(ms));
      log.push("closed");
    }
  };
}

describe("maybeOpenContext", () => {
  it("B59 enters once for many users, tells a hit, and leaves after the last", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    const hits: boolean[] = [];
    yield* openNursery(function* (n) {
      for (const i of [1, 2, 3]) {
        n.startSoon(function* () {
          const value = yield* maybeOpenContext("key", opener(log, i), function* (value, isHit) {
            expectTypeOf(value).toEqualTypeOf<number>();
            hits.push(isHit);
            yield* sleep(10 * i);
            return value;
          });
          log.push(`user ${i} has ${value}`);
        });
      }
    });
    expect(hits).toEqual([false, true, true]);
    expect(log).toEqual(["opened", "user 1 has 1", "user 2 has 1", "closed", "user 3 has 1"]);
    // Nothing is kept: the next one opens anew.
    yield* maybeOpenContext("key", opener(log, 4), function* (value, isHit) {
      expect([value, isHit]).toEqual([4, false]);
    });
    expect(log.slice(-2)).toEqual(["opened", "closed"]);
  });

  it("B59 outlives a first user that is cancelled, in its body or before it was opened", function* () {
    yield* useVirtualClock({ autojump: true });
    for (const cancelledAfter of [2, 8]) {
      const log: string[] = [];
      yield* openNursery(function* (n) {
        n.startSoon(function* () {
          yield* moveOnAfter(cancelledAfter, () => maybeOpenContext("key", opener(log, 1), sleepForever));
          log.push("the first is gone");
        });
        n.startSoon(function* () {
          yield* checkpoint();
          log.push(`got ${yield* maybeOpenContext("key", opener(log, 2), (value) => sleepAnd(20, value))}`);
        });
      });
      expect(log.filter((line) => line !== "the first is gone")).toEqual(["opened", "closed", "got 1"]);
      expect(log.indexOf("the first is gone")).toBeLessThan(log.indexOf("closed"));
    }
  });

  it("B59 is cancelled with its last user, who waits for that", function* () {
    yield* useVirtualClock({ autojump: true });
    for (const [after, seen] of [
      [2, []],
      [8, ["opened", "cancelled", "closed"]],
    ] as const) {
      const log: string[] = [];
      const use = () => maybeOpenContext("key", opener(log, 1), sleepForever);
      yield* moveOnAfter(after, function* () {
        yield* openNursery(function* (n) {
          n.startSoon(use);
          n.startSoon(use);
        });
      });
      expect(log).toEqual(seen);
    }
  });

  it("is used by the clean-up of a cancelled body before it is left", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    yield* moveOnAfter(20, () =>
      maybeOpenContext("key", opener(log, 1), function* () {
        try {
          yield* sleepForever();
        } finally {
          yield* shielded(() => sleep(30));
          log.push("body cleaned up");
        }
      }),
    );
    expect(log).toEqual(["opened", "body cleaned up", "cancelled", "closed"]);
  });

  it("B59 gives what the opener fails with to all that wait, and the next one tries anew", function* () {
    yield* useVirtualClock({ autojump: true });
    const failed = new Error("no such host");
    let tries = 0;
    const broken: Opener<number> = function* () {
      tries++;
      yield* sleep(5);
      throw failed;
    };
    const errors: unknown[] = [];
    yield* openNursery(function* (n) {
      for (let i = 0; i < 3; i++) {
        n.startSoon(function* () {
          errors.push(yield* errorOf(maybeOpenContext("key", broken, sleepForever)));
        });
      }
    });
    expect(errors).toEqual([failed, failed, failed]);
    expect(tries).toBe(1);
    expect(yield* errorOf(maybeOpenContext("key", broken, sleepForever))).toBe(failed);
    expect(tries).toBe(2);
  });

  it("B59 gives an error of the exit to the last user out, beside its own, cancelled or not", function* () {
    yield* useVirtualClock({ autojump: true });
    const failed = new Error("could not flush");
    const leaky: Opener<number> = function* (use) {
      try {
        yield* use(1);
      } finally {
        yield* shielded(() => sleep(5));
        // biome-ignore lint/correctness/noUnsafeFinally: it is what this test is about
        throw failed;
      }
    };
    expect(yield* errorOf(maybeOpenContext("key", leaky, () => sleep(1)))).toBe(failed);

    const own = new Error("the body failed");
    const both = yield* errorOf(
      maybeOpenContext("key", leaky, function* () {
        throw own;
      }),
    );
    expect((both as ExceptionGroup).errors).toEqual([own, failed]);

    const cancelled = yield* errorOf(moveOnAfter(10, () => maybeOpenContext("key", leaky, sleepForever)));
    expect((cancelled as ExceptionGroup).leaves()).toEqual([failed]);

    const first: unknown[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        first.push(yield* maybeOpenContext("key", leaky, () => sleepAnd(1, "out before")));
      });
      expect(yield* errorOf(maybeOpenContext("key", leaky, () => sleep(10)))).toBe(failed);
    });
    expect(first).toEqual(["out before"]);
  });

  it("is left by the error of its last user's body, as if that had opened it alone", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    const own = new Error("the body failed");
    const fails = function* (): Operation<void> {
      yield* sleep(1);
      throw own;
    };
    expect(yield* errorOf(maybeOpenContext("key", opener(log, 1), fails))).toBe(own);
    expect(log).toEqual(["opened", "thrown the body failed", "closed"]);

    const wraps: Opener<number> = (use) => openNursery(() => use(1));
    const wrapped = yield* errorOf(maybeOpenContext("key", wraps, fails));
    expect((wrapped as ExceptionGroup).errors).toEqual([own]);

    const swallows: Opener<number> = function* (use) {
      try {
        yield* use(1);
      } catch {
        log.push("swallowed");
      }
    };
    expect(yield* errorOf(maybeOpenContext("key", swallows, fails))).toBe(own);
    expect(log.at(-1)).toBe("swallowed");
  });

  it("B59 cancels its users when it fails while they use it, and gives each the error", function* () {
    yield* useVirtualClock({ autojump: true });
    const lost = new Error("connection lost");
    const flaky: Opener<number> = (use) =>
      openNursery(function* (n) {
        n.startSoon(function* () {
          yield* sleep(20);
          throw lost;
        });
        yield* use(1);
      });
    const log: unknown[] = [];
    yield* openNursery(function* (n) {
      for (let i = 0; i < 2; i++) {
        n.startSoon(function* () {
          const body = function* (): Operation<void> {
            try {
              yield* sleepForever();
            } finally {
              log.push("unwound");
            }
          };
          log.push(((yield* errorOf(maybeOpenContext("key", flaky, body))) as ExceptionGroup).errors[0]);
        });
      }
    });
    expect(log).toEqual(["unwound", "unwound", lost, lost]);
  });

  it("tells its users when its opener returns while they use it, or without having run its body", function* () {
    yield* useVirtualClock({ autojump: true });
    const short: Opener<number> = function* (use) {
      yield* moveOnAfter(10, () => use(1));
    };
    const error = yield* errorOf(maybeOpenContext(["short", 1], short, sleepForever));
    expect(error).toBeInstanceOf(SharedResourceEnded);
    expect(error).toMatchObject({ key: ["short", 1], message: expect.stringMatching(/\[ 'short', 1 \] ended while/) });

    const lazy: Opener<number> = function* () {};
    expect(String(yield* errorOf(maybeOpenContext("key", lazy, sleepForever)))).toMatch(/without running its body/);

    const twice: Opener<number> = function* (use) {
      yield* moveOnAfter(1, () => use(1));
      yield* use(2);
    };
    expect(String(yield* errorOf(maybeOpenContext("key", twice, sleepForever)))).toMatch(/ran its body a second time/);
  });

  it("makes who comes while it is being left wait, and opens it anew for them, or lets them be cancelled", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    const use = (ms: number) => () => maybeOpenContext("key", opener(log, ms, 10), () => sleep(ms));
    yield* openNursery(function* (n) {
      n.startSoon(use(0));
      yield* sleep(15); // opened at 10, and being left until 20
      n.startSoon(use(5));
      n.startSoon(use(5));
      yield* moveOnAfter(2, use(5));
      expect(log).toEqual(["opened"]);
    });
    expect(log).toEqual(["opened", "closed", "opened", "closed"]);
  });

  it("can be used again by who uses it already", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    const both = yield* maybeOpenContext("key", opener(log, 1), (outer) =>
      maybeOpenContext("key", opener(log, 2), function* (inner, isHit) {
        return [outer, inner, isHit];
      }),
    );
    expect(both).toEqual([1, 1, true]);
    expect(log).toEqual(["opened", "closed"]);
  });

  it("refuses to wait for itself, directly and through others, instead of waiting for ever", function* () {
    yield* useVirtualClock({ autojump: true });
    const selfish: Opener<number> = (use) => maybeOpenContext("self", selfish, use);
    expect(String(yield* errorOf(maybeOpenContext("self", selfish, sleepForever)))).toMatch(/'?self'? uses itself/);

    const a: Opener<number> = function* (use) {
      yield* sleep(1);
      yield* maybeOpenContext("b", b, use);
    };
    const b: Opener<number> = function* (use) {
      yield* sleep(1);
      yield* maybeOpenContext("a", a, use);
    };
    const errors: string[] = [];
    yield* openNursery(function* (n) {
      for (const [key, open] of [
        ["a", a],
        ["b", b],
      ] as const) {
        n.startSoon(function* () {
          errors.push(String(yield* errorOf(maybeOpenContext(key, open, sleepForever))));
        });
      }
    });
    expect(errors).toHaveLength(2);
    for (const error of errors) expect(error).toMatch(/[ab] uses [ab], which uses it in turn/);
  });

  it("refuses a resource whose exit uses it", function* () {
    const late: Opener<number> = function* (use) {
      yield* use(1);
      yield* maybeOpenContext("key", late, sleepForever);
    };
    expect(String(yield* errorOf(maybeOpenContext("key", late, checkpoint)))).toMatch(/uses itself/);
  });

  it("lets resources stand on each other", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    const pool = opener(log, "pool");
    const table =
      (name: string): Opener<string> =>
      (use) =>
        maybeOpenContext("pool", pool, (value) => use(`${value}.${name}`));
    const values = yield* maybeOpenContext("users", table("users"), (users) =>
      maybeOpenContext("orders", table("orders"), function* (orders) {
        return [users, orders];
      }),
    );
    expect(values).toEqual(["pool.users", "pool.orders"]);
    expect(log).toEqual(["opened", "closed"]);
  });

  const here = { one: 1 };
  const same: [SharedKey, SharedKey][] = [
    ["a", "a"],
    [1, 1],
    [Number.NaN, Number.NaN],
    [10n, 10n],
    [undefined, undefined],
    [
      ["a", [1, null]],
      ["a", [1, null]],
    ],
    [
      { b: 1, a: ["x"] },
      { a: ["x"], b: 1 },
    ],
    [Symbol.for("k"), Symbol.for("k")],
    [checkpoint, checkpoint],
    [new Map([[here, 1]]), new Map()],
  ];
  const other: [SharedKey, SharedKey][] = [
    ["1", 1],
    [1, 1n],
    ["null", null],
    [["a", "b"], ["a,b"]],
    [["a"], { 0: "a" }],
    [[[1], 2], [[1, 2]]],
    ["undefined", undefined],
    [Symbol("k"), Symbol("k")],
    [new Map(), new Map()],
    [true, "true"],
  ];
  it("compares keys by value where they are data, else by identity", function* () {
    const pairs = [
      ...same.slice(0, -1).map((pair) => [...pair, true] as const),
      ...other.map((pair) => [...pair, false] as const),
    ];
    for (const [a, b, expected] of pairs) {
      const open: Opener<number> = (use) => use(1);
      const isHit = yield* maybeOpenContext(a, open, () =>
        maybeOpenContext(b, open, function* (_value, isHit) {
          return isHit;
        }),
      );
      expect([a, b, isHit]).toEqual([a, b, expected]);
    }
  });

  it("refuses what is no function, a cyclic key, and a plain Effection task", async () => {
    const open: Opener<number> = (use) => use(1);
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    await run(function* () {
      expect(String(yield* errorOf(maybeOpenContext("key", open, 1 as never)))).toMatch(/body must be a function/);
      expect(String(yield* errorOf(maybeOpenContext("key", open as never, undefined as never)))).toMatch(
        /body must be/,
      );
      expect(String(yield* errorOf(maybeOpenContext("key", "no" as never, checkpoint)))).toMatch(/opener must be/);
      expect(String(yield* errorOf(maybeOpenContext(cyclic, open, checkpoint)))).toMatch(/16 levels deep/);
    });
    await runInEffection(function* () {
      expect(String(yield* errorOf(maybeOpenContext("key", open, checkpoint)))).toMatch(/plain Effection task/);
    });
  });

  it("is shared with Effection's own tasks below ours, and survives their being halted", function* () {
    const log: string[] = [];
    const using = new Event();
    yield* openNursery(function* (n) {
      n.startSoon(() =>
        maybeOpenContext("key", opener(log, 1, 1), function* () {
          using.set();
          yield* sleep(30);
        }),
      );
      yield* using.wait();
      const task = yield* spawn(() =>
        maybeOpenContext("key", opener(log, 2, 1), function* (_value, isHit) {
          log.push(`hit ${isHit}`);
          yield* sleepForever();
        }),
      );
      yield* sleep(5);
      yield* task.halt();
    });
    expect(log).toEqual(["opened", "hit true", "closed"]);
  });

  it("is left when a raw Effection task that fails tears its user down", function* () {
    const log: string[] = [];
    const error = yield* errorOf(
      openNursery(function* (n) {
        n.startSoon(function* () {
          yield* maybeOpenContext("key", opener(log, 1, 1), function* () {
            yield* spawn(function* () {
              throw new Error("raw");
            });
            yield* sleepForever();
          });
        });
      }),
    );
    expect(String((error as ExceptionGroup).leaves()[0])).toBe("Error: raw");
    expect(log.at(-1)).toBe("closed");
  });

  it("does not mix two trees", async () => {
    const log: string[] = [];
    const use = () =>
      run(() => maybeOpenContext("key", opener(log, 1, 1), (_value, isHit) => sleepAnd(20, String(isHit))));
    expect(await Promise.all([use(), use()])).toEqual(["false", "false"]);
  });
});

function* sleepAnd<T>(ms: number, value: T): Operation<T> {
  yield* sleep(ms);
  return value;
}

describe("maybeOpenContext in random schedules", () => {
  interface Plan {
    readonly at: number;
    readonly stays: number;
    readonly cancelledAfter: number | undefined;
    readonly end: "returns" | "fails" | "uses it again";
    readonly opening: number;
    readonly closing: number;
    readonly fault: "none" | "opening" | "using" | "closing" | "absorbs";
  }
  const ms = fc.nat(12);
  const plan: fc.Arbitrary<Plan> = fc.record({
    at: ms,
    stays: ms,
    cancelledAfter: fc.option(ms, { nil: undefined }),
    end: fc.constantFrom("returns", "returns", "fails", "uses it again"),
    opening: ms,
    closing: ms,
    fault: fc.constantFrom("none", "none", "none", "opening", "using", "closing", "absorbs"),
  });

  /** The rules, of every run. */
  async function holds(plans: readonly Plan[], order: number): Promise<void> {
    const clock = new VirtualClock({ autojump: true });
    const broken: string[] = [];
    const check = (holds: boolean, rule: string) => {
      if (!holds) broken.push(rule);
    };
    let opening = 0;
    let open: object | undefined;
    let users = 0;
    const thrown = new Set<unknown>();
    const seen = new Set<unknown>();
    const bodies = new Set<unknown>();
    const fail = (what: string) => {
      const error = new Error(what);
      thrown.add(error);
      return error;
    };
    const openerOf =
      (plan: Plan): Opener<object> =>
      (use) =>
        openNursery(function* (n) {
          check(++opening === 1, "opened twice at once");
          try {
            yield* sleep(plan.opening);
            if (plan.fault === "opening") throw fail("opening");
            if (plan.fault === "using") {
              n.startSoon(function* () {
                yield* sleep(plan.closing);
                throw fail("using");
              });
            }
            open = {};
            try {
              if (plan.fault === "absorbs") yield* moveOnAfter(plan.closing, () => use(open as object));
              else yield* use(open);
            } finally {
              check(users === 0, "left while it was used");
              open = undefined;
              yield* shielded(() => sleep(plan.closing));
            }
            if (plan.fault === "closing") throw fail("closing");
          } finally {
            opening--;
            n.cancelScope.cancel("over");
          }
        });
    const user = function* (plan: Plan): Operation<void> {
      yield* sleep(plan.at);
      const scope = new CancelScope(plan.cancelledAfter === undefined ? {} : { timeout: plan.cancelledAfter });
      try {
        yield* scope.run(() =>
          maybeOpenContext("key", openerOf(plan), function* (value) {
            check(value === open, "a body was given what is not open");
            users++;
            try {
              yield* sleep(plan.stays);
              if (plan.end === "uses it again") {
                yield* maybeOpenContext("key", openerOf(plan), function* (again, isHit) {
                  check(isHit && again === value, "used again, it was another");
                  yield* sleep(plan.stays);
                });
              }
              if (plan.end === "fails") {
                const error = new Error("body");
                bodies.add(error);
                throw error;
              }
            } finally {
              users--;
            }
          }),
        );
      } catch (error) {
        for (const leaf of error instanceof ExceptionGroup ? error.leaves() : [error]) {
          if (!(leaf instanceof SharedResourceEnded)) seen.add(leaf);
        }
      }
    };
    const restore = shuffleRunOrder(order);
    try {
      await run(
        () =>
          openNursery(function* (n) {
            for (const plan of plans) n.startSoon(user, plan);
          }),
        { clock },
      );
    } finally {
      restore();
    }
    expect(broken).toEqual([]);
    expect([opening, users, open]).toEqual([0, 0, undefined]);
    expect(clock.nextTimer).toBe(Number.POSITIVE_INFINITY);
    // Every failure reached somebody, and nobody saw anything else.
    expect(seen).toEqual(new Set([...thrown, ...bodies]));
    expect(taskTree().some(({ name }) => name.startsWith("shared resource"))).toBe(false);
  }

  it("B59 one at a time, never left while used, never without users, no error lost", async () => {
    const seed = Number(process.env.ESPALIER_TEST_SEED ?? 20_261_121);
    const plans = fc.array(plan, { minLength: 1, maxLength: 6 });
    await fc.assert(fc.asyncProperty(plans, fc.nat(), holds), {
      numRuns: 1_500,
      seed,
      timeout: 2_000,
      endOnFailure: true,
    });
  }, 60_000);
});

describe("maybeOpenContext in an actor", () => {
  useCensus();

  it("B59 is shared by the requests of one actor, not by two actors, and outlives the request that came first", function* () {
    yield* openActorNursery(function* (an) {
      const start = (name: string): Operation<Portal> =>
        an.startActor(name, { enableModules: [import.meta.resolve("./fixtures/holder.ts")] });
      const portals = [yield* start("a"), yield* start("b")] as const;
      const seen: unknown[] = [];
      yield* openNursery(function* (n) {
        const first = new CancelScope();
        n.startSoon(() => first.run(() => portals[0].run(hold, { who: "first" })));
        yield* portals[0].run(untilUsers, { are: 1 });
        for (const portal of portals) {
          n.startSoon(function* () {
            seen.push(yield* portal.run(hold, { who: "second" }));
          });
        }
        yield* portals[0].run(untilUsers, { are: 2 });
        yield* portals[1].run(untilUsers, { are: 1 });
        first.cancel();
        yield* portals[0].run(untilUsers, { are: 1 });
        for (const portal of portals) yield* portal.run(release);
      });
      expect(new Set(seen)).toEqual(
        new Set([
          { openedBy: "first", isHit: true, opens: 1, actor: "a" },
          { openedBy: "second", isHit: false, opens: 1, actor: "b" },
        ]),
      );
      yield* openNursery(function* (n) {
        n.startSoon(function* () {
          const again = yield* portals[0].run(hold, { who: "third" });
          expect(again).toMatchObject({ openedBy: "third", isHit: false, opens: 2 });
        });
        yield* portals[0].run(untilUsers, { are: 1 });
        yield* portals[0].run(release);
      });
      an.cancelScope.cancel("seen enough");
    });
  });
});
