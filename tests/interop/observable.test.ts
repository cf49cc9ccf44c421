import { EventEmitter } from "node:events";
import { each, type Operation, scoped } from "effection";
import {
  concatMap,
  interval,
  map,
  NEVER,
  Observable,
  type Observer,
  of,
  range,
  Subject,
  take,
  throwError,
  toArray,
} from "rxjs";
import { expectTypeOf } from "vitest";
import {
  CancelScope,
  EndOfChannel,
  openMemoryChannel,
  openNursery,
  run,
  StreamOverrun,
  shielded,
  sleepForever,
  waitAllTasksBlocked,
} from "../../core/mod.ts";
import { Backpressure, fromEvents, fromObservable, type PushStream, toObservable } from "../../interop/mod.ts";
import { expect, it } from "../support/it.ts";
import { collectWarnings, errorOf, hostTurn } from "../to_promise/promise-side.ts";

function* collect<T>(stream: Parameters<typeof each<T>>[0]): Operation<T[]> {
  const items: T[] = [];
  for (const item of yield* each(stream)) {
    items.push(item);
    yield* each.next();
  }
  return items;
}

/** An observable that logs its subscription and its teardown. */
function watched<T>(source: Observable<T>, log: string[]): Observable<T> {
  return new Observable((subscriber) => {
    log.push("subscribed");
    subscriber.add(source.subscribe(subscriber));
    return () => log.push("torn down");
  });
}

// ------------------------------------------------------------------------------------------------------- fromObservable

it("B58 items arrive in order, and completion ends the stream", function* () {
  expect(yield* collect(fromObservable(range(1, 5)))).toEqual([1, 2, 3, 4, 5]);
});

it("B58 an error comes after the items before it, as the object it was", function* () {
  const boom = new Error("boom");
  const stream = yield* fromObservable(of(1, 2, boom).pipe(map(failOnError)));
  expect([yield* stream.receive(), yield* stream.receive()]).toEqual([1, 2]);
  expect(yield* errorOf(() => stream.receive())).toBe(boom);
  // Effection's `each` asks for its first item in a spawned task: `scoped` is what catches an error of that one.
  const failing$ = fromObservable(throwError(() => boom));
  expect(yield* errorOf(() => scoped(() => collect(failing$)))).toBe(boom);
});

it("B58 completion is EndOfChannel for receive, each time it is asked", function* () {
  const stream = yield* fromObservable(of(1));
  yield* stream.receive();
  for (let i = 0; i < 2; i++) expect(yield* errorOf(() => stream.receive())).toBeInstanceOf(EndOfChannel);
});

it("B58 overflow error: the source is let go of, what was held is received, then StreamOverrun", function* () {
  const log: string[] = [];
  const stream = yield* fromObservable(watched(range(1, Number.POSITIVE_INFINITY), log), { capacity: 3 });
  expect(log).toEqual(["subscribed", "torn down"]);
  expect(stream.statistics()).toEqual({ capacity: 3, buffered: 3, pushed: 4, dropped: 0 });
  for (const n of [1, 2, 3]) expect(yield* stream.receive()).toBe(n);
  expect(yield* errorOf(() => stream.receive())).toBeInstanceOf(StreamOverrun);
});

it.each([
  ["drop-oldest", [8, 9, 10]],
  ["drop-newest", [1, 2, 3]],
] as const)("B58 overflow %s is bounded, counted, and keeps %o", function* (overflow, kept) {
  const stream = yield* fromObservable(range(1, 10), { capacity: 3, overflow });
  expect(stream.statistics()).toEqual({ capacity: 3, buffered: 3, pushed: 10, dropped: 7 });
  expect(yield* collect(stream)).toEqual(kept);
});

it.each(["returns", "throws", "is cancelled"])(
  "B58 the observable's teardown has run when a scope that %s has been left",
  function* (how) {
    const log: string[] = [];
    const scope = new CancelScope();
    const op = () =>
      scoped(function* () {
        const stream = yield* fromObservable(watched(NEVER, log));
        if (how === "throws") throw new Error("body");
        if (how === "returns") return;
        scope.cancel();
        yield* stream.receive();
      });
    yield* errorOf(() => scope.run(op));
    expect(log).toEqual(["subscribed", "torn down"]);
    expect(scope.cancelledCaught).toBe(how === "is cancelled");
  },
);

it("B58 the observable's teardown has run when the task that reads it has ended", function* () {
  const log: string[] = [];
  yield* openNursery(function* (nursery) {
    nursery.startSoon(function* () {
      for (const _ of yield* each(fromObservable(watched(of(1).pipe(concatMap(() => NEVER)), log)))) yield* each.next();
    });
    yield* waitAllTasksBlocked();
    nursery.cancelScope.cancel();
  });
  expect(log).toEqual(["subscribed", "torn down"]);
});

it("B58 a receiver that cancels the scope from within an emission is safe", function* () {
  const source = new Subject<number>();
  const scope = new CancelScope();
  yield* scope.run(() =>
    openNursery(function* (nursery) {
      const stream = yield* fromObservable(source);
      nursery.startSoon(function* () {
        yield* stream.receive();
        source.next(2);
        scope.cancel();
        source.next(3);
        yield* sleepForever();
      });
      yield* waitAllTasksBlocked();
      source.next(1);
      yield* sleepForever();
    }),
  );
  expect(scope.cancelledCaught).toBe(true);
});

it("fromObservable takes what only has subscribe, and what only has Symbol.observable", function* () {
  const bare = {
    subscribe: (observer: Partial<Observer<number>>) => of(1, 2).subscribe(observer),
  };
  expect(yield* collect(fromObservable(bare))).toEqual([1, 2]);
  const interop = { [Symbol.observable ?? "@@observable"]: () => bare };
  expect(yield* collect(fromObservable<number>(interop as unknown as Observable<number>))).toEqual([1, 2]);
});

it.each([0, 1.5, -1, Number.NaN])("fromObservable refuses a capacity of %d", (capacity) => {
  expect(() => fromObservable(NEVER, { capacity })).toThrow(RangeError);
});

it("fromObservable can be stored and performed again: each time is a subscription", function* () {
  const op = fromObservable(of(1));
  expect([yield* collect(op), yield* collect(op)]).toEqual([[1], [1]]);
  expectTypeOf(op).toEqualTypeOf<Operation<PushStream<number>>>();
});

// --------------------------------------------------------------------------------------------------------- toObservable

it("B58 toObservable gives a stream's items and completes after its end", async () => {
  const [send, receive] = openMemoryChannel<number>(3);
  for (const n of [1, 2, 3]) send.sendNowait(n);
  send.close();
  expect(await toPromise(toObservable(receive).pipe(toArray()))).toEqual([1, 2, 3]);
});

it("B58 operators behave as on the observable itself, and each subscription is fresh", async () => {
  const source$ = toObservable(() => fromObservable(range(1, 4)));
  const piped$ = source$.pipe(
    concatMap((n) => of(n, n * 10)),
    take(5),
    toArray(),
  );
  for (let i = 0; i < 2; i++) expect(await toPromise(piped$)).toEqual([1, 10, 2, 20, 3]);
});

it("B58 errors are error notifications, after the items before them", async () => {
  const seen: unknown[] = [];
  const source = { receive: () => receiveOrFail() };
  let n = 0;
  function* receiveOrFail(): Operation<number> {
    yield* hostTurn();
    if (++n < 3) return n;
    throw new TypeError("no more");
  }
  await new Promise<void>((resolve) => {
    toObservable(source).subscribe({
      next: (item) => seen.push(item),
      error: (error) => {
        seen.push(error);
        resolve();
      },
      complete: () => seen.push("complete"),
    });
  });
  expect(seen).toEqual([1, 2, expect.any(TypeError)]);
});

it("B58 unsubscribing cancels the tree and its clean-up runs", function* () {
  const log: string[] = [];
  const subscription = toObservable(function* () {
    try {
      log.push("running");
      yield* sleepForever();
    } finally {
      yield* shielded(hostTurn);
      log.push("unwound");
    }
    return openMemoryChannel<number>(1)[1];
  }).subscribe(() => {});
  yield* waitAllTasksBlocked();
  subscription.unsubscribe();
  yield* hostTurn();
  yield* waitAllTasksBlocked();
  expect(log).toEqual(["running", "unwound"]);
});

it("B58 an error after unsubscription is a warning, not lost", function* () {
  const warnings = collectWarnings();
  const subscription = toObservable(function* () {
    try {
      yield* sleepForever();
    } finally {
      yield* failing();
    }
    return openMemoryChannel<number>(1)[1];
  }).subscribe(() => {});
  yield* waitAllTasksBlocked();
  subscription.unsubscribe();
  yield* waitAllTasksBlocked();
  yield* hostTurn();
  warnings.stop();
  expect(warnings.names).toEqual(["LateObservableError"]);
});

it("Backpressure holds the source up while the far end is behind: nothing is lost or dropped", function* () {
  let read = 0;
  const source = {
    *receive(): Operation<number> {
      if (read === 1_000) throw new EndOfChannel();
      return ++read;
    },
  };
  const pressure = new Backpressure();
  const doubled$ = toObservable(source, { pressure }).pipe(concatMap((n) => of(n, n)));
  const stream = yield* fromObservable(doubled$, { capacity: 8, pressure });
  yield* waitAllTasksBlocked();
  expect(read).toBe(2);
  const items = yield* collect(stream);
  expect(items).toHaveLength(2_000);
  expect(items.at(-1)).toBe(1_000);
  expect(stream.statistics()).toMatchObject({ dropped: 0, pushed: 2_000 });
});

it("a reader that leaves holds nobody up", function* () {
  const pressure = new Backpressure();
  yield* scoped(function* () {
    yield* fromObservable(range(1, 4), { capacity: 4, overflow: "drop-newest", pressure });
    yield* fromObservable(interval(1).pipe(take(0)), { pressure });
    yield* fromObservable(of(1, 2, 3).pipe(concatMap((n) => (n === 3 ? NEVER : of(n)))), { capacity: 2, pressure });
    expect(pressure.isHeld).toBe(true);
  });
  expect(pressure.isHeld).toBe(false);
});

// ------------------------------------------------------------------------------------------------------------ fromEvents

it("fromEvents gives events in order, ends on the one named, and leaves no listener", function* () {
  const emitter = new EventEmitter();
  yield* scoped(function* () {
    const stream = yield* fromEvents(emitter, ["data", "close"], { endOn: ["close"] });
    emitter.emit("data", 1, "a");
    emitter.emit("close");
    emitter.emit("data", 2);
    expect(yield* collect(stream)).toEqual([
      { name: "data", args: [1, "a"] },
      { name: "close", args: [] },
    ]);
  });
  expect(emitter.eventNames()).toEqual([]);
});

it("fromEvents throws an error event after the events before it", function* () {
  const emitter = new EventEmitter();
  const stream = yield* fromEvents(emitter, ["data"]);
  emitter.emit("data", 1);
  emitter.emit("error", new Error("gone"));
  expect((yield* stream.receive()).args).toEqual([1]);
  expect(yield* errorOf(() => stream.receive())).toMatchObject({ message: "gone" });
});

it("B58 many subscriptions, both ways, leave no observer behind", function* () {
  const source = new Subject<number>();
  for (let i = 0; i < 300; i++) {
    yield* scoped(function* () {
      const stream = yield* fromObservable(toObservable(() => fromObservable(source)));
      yield* waitAllTasksBlocked();
      source.next(i);
      expect(yield* stream.receive()).toBe(i);
    });
    yield* waitAllTasksBlocked();
  }
  expect(source.observed).toBe(false);
});

function failOnError<T>(item: T | Error): T {
  if (item instanceof Error) throw item;
  return item;
}

function* failing(): Operation<never> {
  throw new Error("clean-up");
}

function toPromise<T>(source: Observable<T>): Promise<T> {
  return run(function* () {
    const stream = yield* fromObservable(source);
    return yield* stream.receive();
  });
}
