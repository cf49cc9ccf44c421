/** Operators whose work is done by tasks, here and in a pool of actors. */
import type { Operation } from "effection";
import {
  concat,
  map,
  NEVER,
  type Observable,
  type OperatorFunction,
  of,
  range,
  Subject,
  throwError,
  toArray,
} from "rxjs";
import { expectTypeOf } from "vitest";
import {
  all,
  Event,
  ExceptionGroup,
  openActorNursery,
  openNursery,
  type Portal,
  RemoteActorError,
  run,
  StreamOverrun,
  shielded,
  sleep,
  sleepForever,
  useVirtualClock,
  waitAllTasksBlocked,
} from "../../core/mod.ts";
import { Backpressure, openObservable, overActors, overTasks, toObservable } from "../../interop/mod.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf, hostTurn } from "../to_promise/promise-side.ts";
import * as fixture from "./fixtures/observables.ts";

const OBSERVABLES = new URL("./fixtures/observables.ts", import.meta.url);

/** What an observable gives: items, then how it ended. */
function heard<T>(source$: Observable<T>): { readonly items: unknown[]; readonly ended: Promise<void>; leave(): void } {
  const items: unknown[] = [];
  let leave = () => {};
  const ended = new Promise<void>((resolve) => {
    const subscription = source$.subscribe({
      next: (item) => items.push(item),
      error: (error: unknown) => {
        items.push(error);
        resolve();
      },
      complete: () => {
        items.push("complete");
        resolve();
      },
    });
    leave = () => subscription.unsubscribe();
  });
  return { items, ended, leave };
}

/** Work that ends when the test says so. */
function gates() {
  const running: number[] = [];
  const opened = new Map<number, Event>();
  const gate = (n: number) => {
    const event = opened.get(n) ?? new Event();
    opened.set(n, event);
    return event;
  };
  return {
    running,
    open: (n: number) => gate(n).set(),
    *work(n: number): Operation<number> {
      running.push(n);
      yield* gate(n).wait();
      return n * 10;
    },
  };
}

describe("overTasks", () => {
  it("runs one task at a time unless told, in order, like concatMap", async () => {
    const { running, open, work } = gates();
    const { items, ended } = heard(range(1, 3).pipe(overTasks(work)));
    for (const n of [1, 2, 3]) {
      await run(waitAllTasksBlocked);
      expect(running).toEqual(Array.from({ length: n }, (_, i) => i + 1));
      open(n);
    }
    await ended;
    expect(items).toEqual([10, 20, 30, "complete"]);
  });

  it("ordered, it runs so many at once, and begins no more than it holds results for", async () => {
    const { running, open, work } = gates();
    const { items, ended } = heard(range(1, 6).pipe(overTasks(work, { concurrency: 3 })));
    await run(waitAllTasksBlocked);
    open(2);
    open(3);
    await run(waitAllTasksBlocked);
    expect([running, items]).toEqual([[1, 2, 3], []]);
    open(1);
    await run(waitAllTasksBlocked);
    expect([running, items]).toEqual([
      [1, 2, 3, 4, 5, 6],
      [10, 20, 30],
    ]);
    for (const n of [6, 5, 4]) open(n);
    await ended;
    expect(items).toEqual([10, 20, 30, 40, 50, 60, "complete"]);
  });

  it("unordered, each result comes when it is there, and frees a place, like mergeMap", async () => {
    const { running, open, work } = gates();
    const { items, ended } = heard(range(1, 4).pipe(overTasks(work, { concurrency: 2, ordered: false })));
    await run(waitAllTasksBlocked);
    open(2);
    await run(waitAllTasksBlocked);
    expect([running, items]).toEqual([[1, 2, 3], [20]]);
    for (const n of [3, 1, 4]) {
      open(n);
      await run(waitAllTasksBlocked);
    }
    await ended;
    expect(items).toEqual([20, 30, 10, 40, "complete"]);
  });

  it("subscribes before subscribe returns, and lets go of the source at once when it is left", async () => {
    const subject = new Subject<number>();
    const { items, leave } = heard(subject.pipe(overTasks((n) => sleepThen(n))));
    expect(subject.observed).toBe(true);
    subject.next(1);
    subject.next(2);
    while (items.length < 2) await run(hostTurn);
    leave();
    expect(subject.observed).toBe(false);
    expect(items).toEqual([1, 2]);
  });

  it("a failure cancels the others; ordered, the results before it come first", async () => {
    for (const ordered of [true, false]) {
      const log: string[] = [];
      const work = function* (n: number): Operation<number> {
        if (n === 2) throw new RangeError("two");
        if (n === 1) {
          yield* hostTurn();
          return n;
        }
        try {
          return yield* sleepForever();
        } finally {
          log.push(`cancelled ${n}`);
        }
      };
      const { items, ended } = heard(range(1, 3).pipe(overTasks(work, { concurrency: 3, ordered })));
      await ended;
      expect(items).toEqual(ordered ? [1, expect.any(RangeError)] : [expect.any(RangeError)]);
      expect(log).toEqual(["cancelled 3"]);
    }
  });

  it("several failures come in one group, and that of the source is not lost beside them", async () => {
    const boom = new Error("source");
    const fails = function* (n: number): Operation<never> {
      try {
        yield* hostTurn();
      } finally {
        yield* throwing(new Error(`item ${n}`));
      }
      throw new Error("not reached");
    };
    const two = heard(concat(range(1, 2), NEVER).pipe(overTasks(fails, { concurrency: 2, ordered: false })));
    await two.ended;
    expect(two.items[0]).toBeInstanceOf(ExceptionGroup);
    const source = throwError(() => boom);
    const both = heard(concat(of(1), source).pipe(overTasks(fails, { concurrency: 2 })));
    await both.ended;
    expect((both.items[0] as ExceptionGroup).leaves()).toBeDefined();
    expect([...(both.items[0] as ExceptionGroup).leaves()].map((e) => (e as Error).message)).toEqual([
      "source",
      "item 1",
    ]);
  });

  it("an error of the source comes after the results of the items before it", async () => {
    const boom = new Error("source");
    const { items, ended } = heard(
      concat(
        range(1, 3),
        throwError(() => boom),
      ).pipe(overTasks((n) => sleepThen(n), { concurrency: 2 })),
    );
    await ended;
    expect(items).toEqual([1, 2, 3, boom]);
  });

  it("leaving it cancels the tasks, and a scope that reads it waits for them", function* () {
    const log: string[] = [];
    const work = function* (n: number): Operation<number> {
      if (n === 1) return 1;
      try {
        return yield* sleepForever();
      } finally {
        yield* shielded(hostTurn);
        log.push(`unwound ${n}`);
      }
    };
    const source$ = range(1, 4).pipe(
      overTasks(work, { concurrency: 2 }),
      map((n) => n),
    );
    const first = yield* openObservable(source$, function* (stream) {
      const item = yield* stream.receive();
      yield* waitAllTasksBlocked();
      return item;
    });
    expect(first).toBe(1);
    expect(log).toEqual(["unwound 2", "unwound 3"]);
  });

  it("what it is fed while all are busy is bounded, by the policy", async () => {
    const { open, work } = gates();
    const failing = heard(range(1, 10).pipe(overTasks(work, { capacity: 4 })));
    const dropping = heard(range(1, 10).pipe(overTasks(work, { capacity: 4, overflow: "drop-oldest" })));
    for (let n = 1; n <= 10; n++) open(n);
    await Promise.all([failing.ended, dropping.ended]);
    expect(failing.items).toEqual([10, 20, 30, 40, expect.any(StreamOverrun)]);
    expect(dropping.items).toEqual([70, 80, 90, 100, "complete"]);
  });

  it("pressure holds its source up, so nothing overflows", async () => {
    let given = 0;
    const source = {
      *receive(): Operation<number> {
        return ++given;
      },
    };
    const { open, work } = gates();
    const pressure = new Backpressure();
    const { items, leave } = heard(toObservable(source, { pressure }).pipe(overTasks(work, { capacity: 4, pressure })));
    await run(waitAllTasksBlocked);
    expect(given).toBeLessThanOrEqual(4);
    for (let n = 1; n <= 20; n++) open(n);
    await run(waitAllTasksBlocked);
    expect(items).toEqual(Array.from({ length: 20 }, (_, i) => (i + 1) * 10));
    leave();
  });

  it("in a nursery its tasks go by the clock of that, and end with it", function* () {
    const clock = yield* useVirtualClock();
    const log: string[] = [];
    yield* openNursery(function* (nursery) {
      const hour = function* (n: number): Operation<number> {
        yield* sleep(3_600_000);
        return n;
      };
      range(1, 3)
        .pipe(overTasks(hour, { within: nursery }))
        .subscribe({
          next: (n) => log.push(`item ${n}`),
          error: (error: Error) => log.push(error.name),
        });
      yield* clock.advance(2 * 3_600_000);
      nursery.cancelScope.cancel();
    });
    expect(log).toEqual(["item 1", "item 2", "Cancelled"]);
  });

  it("says what to do about work that is promise code", async () => {
    const { items, ended } = heard(of(1).pipe(overTasks((async (n: number) => n) as never)));
    await ended;
    expect(items).toEqual([expect.objectContaining({ message: expect.stringMatching(/generator function.*runTask/) })]);
  });

  it("refuses bad options where the pipe is put together", () => {
    const { work } = gates();
    for (const concurrency of [0, 1.5, Number.NaN]) expect(() => overTasks(work, { concurrency })).toThrow(RangeError);
    expect(() => overTasks(work, { capacity: 0 })).toThrow(RangeError);
    expect(() => overActors([], fixture.square)).toThrow(/at least one portal/);
    expectTypeOf(overTasks(work)).toEqualTypeOf<OperatorFunction<number, number>>();
  });
});

describe("overActors", () => {
  useCensus();

  const withPool = <T>(body: (portals: Portal[]) => Operation<T>) =>
    openActorNursery(function* (an) {
      const portals = yield* all(["one", "two"].map((name) => an.startActor(name, { enableModules: [OBSERVABLES] })));
      const value = yield* body(portals);
      for (const portal of portals) yield* portal.cancelActor();
      return value;
    });

  it("spreads the calls over its actors, in order; fails with the error of a call; and cancels there", function* () {
    yield* withPool(function* (portals) {
      const squares$ = range(1, 12).pipe(
        map((n) => ({ n })),
        overActors(portals, fixture.square),
      );
      expectTypeOf(squares$).toEqualTypeOf<Observable<{ pid: number; square: number }>>();
      const results = yield* openObservable(squares$.pipe(toArray()), (stream) => stream.receive());
      expect(results.map(({ square }) => square)).toEqual(Array.from({ length: 12 }, (_, i) => (i + 1) ** 2));
      expect(new Set(results.map(({ pid }) => pid)).size).toBe(2);

      const seen: unknown[] = [];
      const failing$ = of(1, 2, 13, 4).pipe(
        map((n) => ({ n })),
        overActors(portals, fixture.square, { concurrency: 4 }),
        map(({ square }) => square),
      );
      const error = yield* errorOf(() =>
        openObservable(failing$, function* (stream) {
          for (;;) seen.push(yield* stream.receive());
        }),
      );
      expect(seen).toEqual([1, 4]);
      expect(error).toBeInstanceOf(RemoteActorError);
      expect(String(error)).toMatch(/13 is not squared here/);

      const staying$ = of({ n: 1 }, { n: 2 }).pipe(overActors(portals, fixture.stays));
      yield* openObservable(staying$, function* () {
        for (const [i, portal] of portals.entries()) {
          while ((yield* portal.run(fixture.whatWasSeen)).read !== i + 1) yield* hostTurn();
        }
      });
      for (const [i, portal] of portals.entries()) {
        expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ log: [`call ${i + 1} cancelled`] });
      }
    });
  }, 60_000);
});

function* throwing(error: Error): Operation<never> {
  throw error;
}

function* sleepThen(n: number): Operation<number> {
  yield* hostTurn();
  return n;
}
