import { scoped, spawn } from "effection";
import {
  BusyResourceError,
  currentTime,
  type ExceptionGroup,
  each,
  moveOnAfter,
  openMemoryChannel,
  openNursery,
  type Portal,
  remote,
  sleep,
  TransportClosed,
} from "espalier";
import { ActorMapError, actorMap, type Mapped, openActorCluster } from "espalier/trionics";
import { expectTypeOf } from "vitest";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import { dies, doubled, howMany, isPrime, refusesNone, waits, work } from "./fixtures/workers.ts";

const module = import.meta.resolve("./fixtures/workers.ts");
const two = { modules: { workers: module }, count: 2 };

const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));

type Workers = ReadonlyMap<string, Portal>;

/** All that a stream gives. */
function* all<T>(stream: Parameters<typeof each<T>>[0]) {
  const out: T[] = [];
  for (const item of yield* each(stream)) {
    out.push(item);
    yield* each.next();
  }
  return out;
}

function* runningIn(workers: Workers) {
  let now = 0;
  for (const portal of workers.values()) now += (yield* portal.run(howMany)).now;
  return now;
}

describe("actorMap", () => {
  useCensus();

  it("gives the results of all items, each with its item, in order if that is asked for", function* () {
    yield* openActorCluster(two, function* (workers) {
      const results = yield* all(actorMap(workers, isPrime, numbers(50), { ordered: true }));
      expectTypeOf(results).toEqualTypeOf<Mapped<{ n: number }, boolean>[]>();
      expect(results.map(({ index, item }) => [index, item.n])).toEqual(numbers(50).map(({ n }) => [n, n]));
      expect(
        results
          .filter(({ value }) => value)
          .map(({ item }) => item.n)
          .slice(0, 5),
      ).toEqual([2, 3, 5, 7, 11]);

      const asReady = yield* all(actorMap(workers, work, [{ ms: 300 }, { ms: 1 }, { ms: 1 }]));
      expect(asReady.map(({ index }) => index)).toEqual([1, 2, 0]);
      const inOrder = yield* all(actorMap(workers, work, [{ ms: 300 }, { ms: 1 }, { ms: 1 }], { ordered: true }));
      expect(inOrder.map(({ index }) => index)).toEqual([0, 1, 2]);
      expect(yield* all(actorMap(workers, isPrime, []))).toEqual([]);
    });
  });

  it("types items and results by the function, for async functions and remote ones too", function* () {
    yield* openActorCluster(two, function* (workers) {
      const [first] = yield* all(actorMap(workers.values(), doubled, numbers(1)));
      expectTypeOf(first).toEqualTypeOf<Mapped<{ n: number }, number> | undefined>();
      const there = remote<typeof import("./fixtures/workers.ts")>("workers");
      const [second] = yield* all(actorMap(workers, there.isPrime, numbers(1)));
      expectTypeOf(second).toEqualTypeOf<Mapped<{ n: number }, boolean> | undefined>();
      expect([first?.value, second?.value]).toEqual([0, false]);
    });
    const wrong = (workers: Workers) => {
      // @ts-expect-error an item has a number
      actorMap(workers, isPrime, [{ n: "7" }]);
      // @ts-expect-error an item is an object
      actorMap(workers, isPrime, [7]);
      // @ts-expect-error these are no items of this function
      actorMap(workers, isPrime, openMemoryChannel<{ m: number }>(1)[1]);
      // @ts-expect-error a set of names is no set of portals
      actorMap(new Set(["worker 0"]), isPrime, numbers(1));
    };
    expect(wrong).toThrow();
  });

  it("spreads the items over all actors, and keeps to its concurrency", function* () {
    yield* openActorCluster(two, function* (workers) {
      const one = yield* all(actorMap(workers, work, Array(8).fill({ ms: 20 })));
      expect(new Set(one.map(({ value }) => value.actor))).toEqual(new Set(workers.keys()));
      expect(Math.max(...one.map(({ value }) => value.most))).toBe(1);
      const more = yield* all(actorMap(workers, work, Array(12).fill({ ms: 100 }), { concurrency: 6 }));
      expect(Math.max(...more.map(({ value }) => value.most))).toBe(3);
    });
  });

  it("takes items from an async iterable and from a channel, as there is room", function* () {
    let closed = 0;
    async function* produced() {
      try {
        for (let n = 0; n < 100; n++) yield { n };
      } finally {
        closed++;
      }
    }
    yield* openActorCluster(two, function* (workers) {
      expect(yield* all(actorMap(workers, isPrime, produced()))).toHaveLength(100);
      const [send, receive] = openMemoryChannel<{ n: number }>(0);
      yield* openNursery(function* (n) {
        n.startSoon(function* () {
          for (const item of numbers(20)) yield* send.send(item);
          send.close();
        });
        expect(yield* all(actorMap(workers, isPrime, receive))).toHaveLength(20);
      });
      // Left early, it is closed.
      yield* scoped(function* () {
        for (const _ of yield* each(actorMap(workers, isPrime, produced()))) break;
      });
      expect(closed).toBe(2);
    });
  });

  it("is held up by results that are not read", function* () {
    let taken = 0;
    function* counted() {
      for (const item of numbers(100)) {
        taken++;
        yield item;
      }
    }
    yield* openActorCluster(two, function* (workers) {
      for (const ordered of [false, true]) {
        taken = 0;
        let seen = 0;
        for (const _ of yield* each(actorMap(workers, isPrime, counted(), { ordered }))) {
          seen++;
          if (seen === 5) yield* sleep(300);
          expect(taken).toBeLessThanOrEqual(seen + 2 * 2);
          yield* each.next();
        }
        expect([seen, taken]).toEqual([100, 100]);
      }
    });
  });

  it("fails with the item and the actor when a call does, after what was ready, and cancels the others", function* () {
    yield* openActorCluster(two, function* (workers) {
      const items = [{}, { fails: true }, {}];
      const error = (yield* errorOf(all(actorMap(workers, waits, items)))) as ActorMapError;
      expect(error).toBeInstanceOf(ActorMapError);
      expect(error).toMatchObject({ item: { fails: true }, index: 1, cause: { remoteName: "RangeError" } });
      expect(error.message).toMatch(
        /^waits failed for item 1, { fails: true }, in actor worker \d@.*: RangeError: not/,
      );
      expect([...workers.values()].map(({ actor }) => actor)).toContainEqual(error.actor);
      let cleanedUp = 0;
      for (const portal of workers.values()) cleanedUp += (yield* portal.run(howMany)).cleanedUp;
      expect(cleanedUp).toBe(2);
    });
  });

  it("gives what was ready before a failure, first", function* () {
    yield* openActorCluster(two, function* (workers) {
      for (const ordered of [false, true]) {
        const seen: number[] = [];
        const failing = function* () {
          const items = [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 0 }, { n: 5 }];
          for (const { index } of yield* each(actorMap(workers, refusesNone, items, { concurrency: 1, ordered }))) {
            seen.push(index);
            yield* sleep(50); // the next ones are ready, or have failed, by now
            yield* each.next();
          }
        };
        expect(yield* errorOf(failing())).toMatchObject({ index: 3, item: { n: 0 } });
        expect(seen).toEqual([0, 1, 2]);
      }
    });
  });

  it("tells which actor died", function* () {
    let error: unknown;
    const group = yield* errorOf(
      openActorCluster(two, function* (workers) {
        error = yield* errorOf(all(actorMap(workers, dies, numbers(1))));
      }),
    );
    expect(error).toBeInstanceOf(ActorMapError);
    expect((error as ActorMapError).cause).toBeInstanceOf(TransportClosed);
    expect(String(error)).toMatch(/in actor worker 0@/);
    expect((group as ExceptionGroup).leaves().map(String)).toEqual([expect.stringMatching(/was killed by SIGKILL/)]);
  });

  it("gives what its items fail with", function* () {
    function* throwing() {
      yield { n: 1 };
      throw new Error("no more items");
    }
    async function* rejecting() {
      yield { n: 1 };
      throw new Error("no more promised items");
    }
    yield* openActorCluster(two, function* (workers) {
      expect(String(yield* errorOf(all(actorMap(workers, isPrime, throwing()))))).toBe("Error: no more items");
      expect(String(yield* errorOf(all(actorMap(workers, isPrime, rejecting()))))).toBe(
        "Error: no more promised items",
      );
    });
  });

  it("gives the error of closing the items beside that of a call", function* () {
    function* unclosable() {
      try {
        for (;;) yield { n: 1 };
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: it is what this test is about
        throw new Error("cannot be closed");
      }
    }
    yield* openActorCluster(two, function* (workers) {
      const failing = remote<{ nothing: typeof isPrime }>("workers").nothing;
      const group = (yield* errorOf(all(actorMap(workers, failing, unclosable())))) as ExceptionGroup;
      const names = new Set(group.leaves().map((error) => (error as Error).name));
      expect(names).toEqual(new Set(["ActorMapError", "Error"]));
    });
  });

  it("cancels its calls when its loop is left, by break, error, cancellation or in the first wait", function* () {
    yield* openActorCluster(two, function* (workers) {
      const items = [{ ms: 1 }, ...Array(20).fill({ ms: 60_000 })];
      const began = yield* currentTime();
      yield* scoped(function* () {
        for (const _ of yield* each(actorMap(workers, work, items))) break;
      });
      expect(yield* runningIn(workers)).toBe(0);

      const own = new Error("own");
      const throwing = scoped(function* () {
        for (const _ of yield* each(actorMap(workers, work, items))) throw own;
      });
      expect(yield* errorOf(throwing)).toBe(own);
      expect(yield* runningIn(workers)).toBe(0);

      yield* moveOnAfter(200, () => scoped(() => all(actorMap(workers, work, items))));
      expect(yield* runningIn(workers)).toBe(0);

      yield* moveOnAfter(200, () => scoped(() => all(actorMap(workers, work, items.slice(1)))));
      expect(yield* runningIn(workers)).toBe(0);
      expect((yield* currentTime()) - began).toBeLessThan(15_000);
    });
  });

  it("cancels its calls also without a scope of its own, at once", function* () {
    yield* openActorCluster(two, function* (workers) {
      yield* moveOnAfter(200, () => all(actorMap(workers, work, [{ ms: 60_000 }])));
      const until = (yield* currentTime()) + 5_000;
      while ((yield* runningIn(workers)) > 0) expect(yield* currentTime()).toBeLessThan(until);
    });
  });

  it("can be looped over again, and by two tasks, each for itself; one subscription has one reader", function* () {
    yield* openActorCluster(two, function* (workers) {
      const stream = actorMap(workers, isPrime, numbers(10));
      expect(yield* all(stream)).toHaveLength(10);
      expect(yield* all(stream)).toHaveLength(10);
      const subscription = yield* actorMap(workers, work, [{ ms: 100 }]);
      yield* openNursery(function* (n) {
        const errors: unknown[] = [];
        n.startSoon(function* () {
          expect((yield* subscription.next()).done).toBe(false);
          expect(errors).toHaveLength(1);
        });
        n.startSoon(function* () {
          errors.push(yield* errorOf(subscription.next()));
        });
        yield* sleep(20);
        expect(errors[0]).toBeInstanceOf(BusyResourceError);
      });
      expect(yield* subscription.next()).toEqual({ done: true, value: undefined });
    });
  });

  it("works in Effection's own tasks", function* () {
    yield* openActorCluster(two, function* (workers) {
      const task = yield* spawn(() => all(actorMap(workers, isPrime, numbers(10))));
      expect(yield* task).toHaveLength(10);
    });
  });

  it("refuses what it cannot work with", function* () {
    yield* openActorCluster(two, function* (workers) {
      expect(() => actorMap([], isPrime, [])).toThrow(/at least one portal/);
      expect(() => actorMap([1 as never], isPrime, [])).toThrow(/the actors are portals, got number/);
      expect(() => actorMap(workers, isPrime, [], { concurrency: 0 })).toThrow(/concurrency must be .* got 0/);
      expect(String(yield* errorOf(all(actorMap(workers, isPrime, 7 as never))))).toMatch(/items must be an iterable/);
      expect(String(yield* errorOf(all(actorMap(workers, isPrime, sleep(1) as never))))).toMatch(
        /items is an operation/,
      );
    });
  });
});
