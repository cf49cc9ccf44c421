import { ensure, spawn, suspend, until } from "effection";
import { TooSlowError } from "../../core/errors/mod.ts";
import {
  currentTime,
  Event,
  failAfter,
  moveOnAfter,
  openNursery,
  run,
  Sequencer,
  shuffleRunOrder,
  sleep,
  sleepForever,
  sleepUntil,
  useVirtualClock,
  VirtualClock,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf, withResolvers } from "./outcomes.ts";

describe("VirtualClock", () => {
  it("wakes each sleeper at its own moment, in order, and lets all come to rest before time goes on", function* () {
    const clock = yield* useVirtualClock();
    const log: string[] = [];
    yield* openNursery(function* (n) {
      for (const ms of [30, 10, 20, 10]) {
        n.startSoon(function* () {
          yield* sleep(ms);
          log.push(`${ms} at ${yield* currentTime()}`);
          yield* until(Promise.resolve().then(() => Promise.resolve()));
          log.push(`${ms} after a promise at ${yield* currentTime()}`);
        });
      }
      yield* clock.advance(20);
      expect(log).toEqual([
        "10 at 10",
        "10 at 10",
        "10 after a promise at 10",
        "10 after a promise at 10",
        "20 at 20",
        "20 after a promise at 20",
      ]);
      expect(yield* currentTime()).toBe(20);
      yield* clock.advance(9);
      expect(log.length).toBe(6);
      yield* clock.advance(1);
      expect(log.slice(6)).toEqual(["30 at 30", "30 after a promise at 30"]);
    });
  });

  it("passes the moments of sleeps that begin while it advances", function* () {
    const clock = yield* useVirtualClock();
    const at: number[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        for (;;) {
          yield* sleep(7);
          at.push(clock.now());
        }
      });
      yield* clock.advance(30);
      expect(at).toEqual([7, 14, 21, 28]);
      n.cancelScope.cancel();
    });
  });

  it("reaches operations that run in Effection's own tasks", function* () {
    const clock = yield* useVirtualClock();
    const log: string[] = [];
    const call = yield* spawn(() =>
      outcomeOf(
        failAfter(5_000, function* () {
          yield* ensure(function* () {
            yield* sleep(100);
            log.push("torn down");
          });
          yield* suspend();
        }),
      ),
    );
    yield* clock.advance(5_000);
    expect(log).toEqual([]);
    yield* clock.advance(100);
    expect(log).toEqual(["torn down"]);
    expect(yield* call).toBeInstanceOf(TooSlowError);
  });

  it("forgets a timer that was disarmed, also by another of the same moment", () => {
    const clock = new VirtualClock({ autojump: true });
    const fired: string[] = [];
    const { promise, resolve } = withResolvers();
    let disarm = () => {};
    clock.at(10, () => {
      fired.push("first");
      disarm();
    });
    disarm = clock.at(10, () => fired.push("second"));
    clock.at(10, () => fired.push("third"));
    clock.at(11, resolve);
    return promise.then(() => expect(fired).toEqual(["first", "third"]));
  });

  it("what is due already fires when all is quiet, without advance; what is due never, never", function* () {
    const clock = yield* useVirtualClock();
    const late = new Event();
    const log: string[] = [];
    clock.at(Number.POSITIVE_INFINITY, () => log.push("never"))();
    clock.at(-5, () => late.set());
    expect(late.isSet).toBe(false);
    yield* late.wait();
    expect([clock.nextTimer, clock.now()]).toEqual([Number.POSITIVE_INFINITY, 0]);
    expect(log).toEqual([]);
  });

  it("takes no deadline over from the clock before", function* () {
    yield* moveOnAfter(10_000, function* () {
      const error = yield* outcomeOf(useVirtualClock());
      expect(error).toBeInstanceOf(Error);
    });
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("advance(%d) is refused", (ms) => {
    expect(() => new VirtualClock().advance(ms)).toThrow(RangeError);
  });

  it("advance is refused where the clock jumps by itself", () => {
    expect(() => new VirtualClock({ autojump: true }).advance(1)).toThrow("jumps by itself");
  });

  it("advance can be cancelled, and time then stands where it was", function* () {
    const clock = yield* useVirtualClock();
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        yield* sleep(10);
        n.cancelScope.cancel();
      });
      n.startSoon(() => clock.advance(1_000));
    });
    expect(clock.now()).toBe(10);
  });
});

describe("autojump", () => {
  it("an hour passes as soon as every task waits for time", async () => {
    const clock = new VirtualClock({ autojump: true });
    const began = performance.now();
    await run(() => sleep(3_600_000), { clock });
    expect(clock.now()).toBe(3_600_000);
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it("time stands while anybody has something to do", async () => {
    const clock = new VirtualClock({ autojump: true });
    const at = await run(
      function* () {
        return yield* openNursery(function* (n) {
          n.startSoon(() => sleep(1));
          for (let i = 0; i < 10_000; i++) yield* sleep(0);
          return clock.now();
        });
      },
      { clock },
    );
    expect(at).toBe(0);
  });

  it("whoever waits for quiet comes before time", async () => {
    const clock = new VirtualClock({ autojump: true });
    await run(
      function* () {
        yield* openNursery(function* (n) {
          n.startSoon(() => sleep(1));
          for (let i = 0; i < 5; i++) {
            yield* waitAllTasksBlocked();
            expect(clock.now()).toBe(0);
          }
        });
      },
      { clock },
    );
    expect(clock.now()).toBe(1);
  });

  it("waits for real quiet while a task waits for the host", async () => {
    const clock = new VirtualClock({ autojump: true, hostQuietMs: 5 });
    const host = withResolvers();
    await run(
      function* () {
        yield* openNursery(function* (n) {
          n.startSoon(() => until(host.promise));
          yield* waitAllTasksBlocked();
          expect(clock.hostWaits).toBe(1);
          const began = performance.now();
          yield* sleep(1_000);
          expect(performance.now() - began).toBeGreaterThanOrEqual(5);
          host.resolve();
        });
      },
      { clock },
    );
    expect(clock.now()).toBe(1_000);
    expect(clock.hostWaits).toBe(0);
  });

  it("with an infinite threshold it never jumps while a task waits for the host, and does so after", async () => {
    const clock = new VirtualClock({ autojump: true, hostQuietMs: Number.POSITIVE_INFINITY });
    const host = withResolvers();
    const log: string[] = [];
    await run(
      function* () {
        yield* openNursery(function* (n) {
          n.startSoon(function* () {
            yield* sleep(5);
            log.push("slept");
          });
          n.startSoon(function* () {
            yield* until(host.promise);
            log.push(`host at ${clock.now()}`);
          });
          yield* waitAllTasksBlocked(5);
          host.resolve();
        });
      },
      { clock },
    );
    expect(log).toEqual(["host at 0", "slept"]);
  });
});

describe("waitAllTasksBlocked", () => {
  it("returns when every other task waits, promises that are resolved included", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        for (let i = 0; i < 100; i++) yield* sleep(0);
        for (let i = 0; i < 100; i++) yield* until(Promise.resolve());
        yield* until(new Promise((resolve) => setImmediate(resolve)));
        log.push("at rest");
        yield* sleepForever();
      });
      yield* waitAllTasksBlocked();
      expect(log).toEqual(["at rest"]);
      n.cancelScope.cancel();
    });
  });

  it("with a cushion, begins anew when something runs meanwhile", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        for (let i = 0; i < 20; i++) yield* sleep(1);
        log.push("at rest");
      });
      yield* waitAllTasksBlocked(10);
      log.push("quiet");
    });
    expect(log).toEqual(["at rest", "quiet"]);
  });

  it("can be cancelled", function* () {
    const scope = yield* openNursery(function* (n) {
      n.startSoon(() => waitAllTasksBlocked());
      n.cancelScope.cancel();
      return n.cancelScope;
    });
    expect(scope.cancelledCaught).toBe(true);
  });
});

describe("Sequencer", () => {
  it.shuffled("runs the bodies in the order of their places, whatever the order of the tasks", function* () {
    const sequence = new Sequencer();
    const log: number[] = [];
    yield* openNursery(function* (n) {
      for (const place of [3, 0, 2, 1]) {
        n.startSoon(() =>
          sequence.at(place, function* () {
            yield* sleep(0);
            log.push(place);
          }),
        );
      }
    });
    expect(log).toEqual([0, 1, 2, 3]);
  });

  it("breaks for all when one is cancelled at its turn's gate", function* () {
    const sequence = new Sequencer();
    const errors: unknown[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        errors.push(
          yield* outcomeOf(
            sequence.at(2, function* () {
              errors.push("ran");
            }),
          ),
        );
      });
      n.startSoon(() => moveOnAfter(0, () => sequence.at(1, () => sleepForever())));
    });
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining("broken") })]);
  });

  it("refuses a place that was taken", function* () {
    const sequence = new Sequencer();
    yield* sequence.at(0, () => sleep(0));
    expect(yield* outcomeOf(sequence.at(0, () => sleep(0)))).toBeInstanceOf(Error);
  });
});

describe("shuffleRunOrder", () => {
  it("the same seed gives the same order, others give others, and restoring gives the usual one", function* () {
    const orders = new Map<number, string>();
    for (const seed of [1, 2, 3, 1, 2, 3]) {
      const order = yield* orderUnder(seed);
      expect(orders.get(seed) ?? order).toBe(order);
      orders.set(seed, order);
    }
    expect(new Set(orders.values()).size).toBeGreaterThan(1);
    expect(yield* orderUnder(undefined)).toBe("0,1,2,3,4,5,6,7");
  });

  function* orderUnder(seed: number | undefined) {
    const restore = seed === undefined ? () => {} : shuffleRunOrder(seed);
    const log: number[] = [];
    const go = new Event();
    yield* openNursery(function* (n) {
      for (let i = 0; i < 8; i++) {
        n.startSoon(function* () {
          yield* go.wait();
          log.push(i);
        });
      }
      yield* waitAllTasksBlocked();
      go.set();
    });
    restore();
    return log.join(",");
  }
});

it("sleepUntil a moment that has passed is a checkpoint", async () => {
  const clock = new VirtualClock();
  const log: string[] = [];
  await run(
    function* () {
      yield* openNursery(function* (n) {
        n.startSoon(function* () {
          log.push("other");
        });
        yield* sleepUntil(-5);
        log.push("back");
      });
    },
    { clock },
  );
  expect(log).toEqual(["other", "back"]);
});
