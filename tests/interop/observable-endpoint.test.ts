/** Observables that others consume: `observable` and `observe`, in this process and from another. */
import type { Operation } from "effection";
import { bufferCount, concatMap, firstValueFrom, from, lastValueFrom, type Observable, take, toArray } from "rxjs";
import { expectTypeOf } from "vitest";
import {
  ActorDied,
  Cancelled,
  ExceptionGroup,
  each,
  moveOnAfter,
  openActorNursery,
  openNursery,
  openRootActor,
  openSelfPortal,
  type Portal,
  park,
  type ReceiveStream,
  RemoteActorError,
  remote,
  StreamOverrun,
} from "../../core/mod.ts";
import { Backpressure, observable, observe, openObservable, type TaskObservable } from "../../interop/mod.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import { collectWarnings } from "../to_promise/promise-side.ts";
import * as fixture from "./fixtures/observables.ts";

const OBSERVABLES = new URL("./fixtures/observables.ts", import.meta.url);

const withSelf = <T>(body: (portal: Portal) => Operation<T>) =>
  openRootActor(() => openSelfPortal(body), { enableModules: [OBSERVABLES] });

const withChild = <T>(body: (portal: Portal) => Operation<T>) =>
  openActorNursery(function* (an) {
    const portal = yield* an.startActor("observables", { enableModules: [OBSERVABLES] });
    const value = yield* body(portal);
    yield* portal.cancelActor();
    return value;
  });

function* itemsOf<T>(stream: Pick<ReceiveStream<T>, typeof Symbol.iterator>): Operation<T[]> {
  const items: T[] = [];
  for (const item of yield* each(stream)) {
    items.push(item);
    yield* each.next();
  }
  return items;
}

/** Items until the error, and the error. */
function* untilError<T>(stream: Pick<ReceiveStream<T>, "receive">): Operation<{ items: T[]; error: unknown }> {
  const items: T[] = [];
  for (;;) {
    try {
      items.push(yield* stream.receive());
    } catch (error) {
      return { items, error };
    }
  }
}

const settled = <T>(promise: Promise<T>): Operation<T> =>
  park<T>(
    "a promise",
    (waker) => {
      promise.then(waker.wake, waker.fail);
      return () => true;
    },
    { byHost: true },
  );

describe.each([
  ["in its own actor (B41)", withSelf],
  ["in another process", withChild],
])("an observable %s", (_where, withPortal) => {
  useCensus();

  it("B58 gives its items in order, and its completion", function* () {
    yield* withPortal(function* (portal) {
      const items = yield* portal.openStreamFrom(fixture.numbers, { upTo: 200 }, itemsOf);
      expect(items).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
      expect(yield* portal.openStreamFrom(fixture.empty, {}, itemsOf)).toEqual([]);
    });
  });

  it("B58 gives its items, and then its error, which is not its completion", function* () {
    yield* withPortal(function* (portal) {
      const got: { items: number[]; error: unknown }[] = [];
      const error = yield* errorOf(
        portal.openStreamFrom(fixture.failsAfter, { count: 3 }, function* (stream) {
          got.push(yield* untilError(stream));
        }),
      );
      expect(got[0]?.items).toEqual([1, 2, 3]);
      expect(got[0]?.error).toBeInstanceOf(RemoteActorError);
      expect(error).toMatchObject({ name: "RemoteActorError", message: expect.stringContaining("ran dry") });
    });
  });

  it("B58 has been torn down when its consumer's block ends", function* () {
    yield* withPortal(function* (portal) {
      const first = portal.openStreamFrom(fixture.neverEnding, { first: [7, 8] }, (stream) => stream.receive());
      expect(yield* first).toBe(7);
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ log: ["subscribed", "torn down"] });
      yield* portal.openStreamFrom(fixture.unwindsSlowly, {}, (stream) => stream.receive());
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ log: ["unwound"] });
    });
  });

  it("B58 without room and with the policy error it ends with StreamOverrun, after what was held", function* () {
    yield* withPortal(function* (portal) {
      const got: { items: number[]; error: unknown }[] = [];
      yield* errorOf(
        portal.openStreamFrom(fixture.firehose, {}, function* (stream) {
          got.push(yield* untilError(stream));
        }),
      );
      expect(got[0]?.items).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(got[0]?.error).toBeInstanceOf(StreamOverrun);
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ log: ["subscribed", "torn down"] });
    });
  });

  it("B58 drops by its policy what comes faster than it can be sent", function* () {
    yield* withPortal(function* (portal) {
      expect(yield* portal.openStreamFrom(fixture.newest, { upTo: 1_000 }, itemsOf)).toEqual([998, 999, 1_000]);
    });
  });

  it("B58 a source that can be held up is, and none of its items is lost", function* () {
    yield* withPortal(function* (portal) {
      const count = yield* portal.openStreamFrom(
        fixture.heldUp,
        { upTo: 2_000 },
        function* (stream) {
          let expected = 1;
          expect(yield* stream.receive()).toBe(expected++);
          // Enough turns for as many items as it likes, if it were let.
          for (let turns = 0; turns < 5; turns++) yield* portal.run(fixture.whatWasSeen);
          const { read } = yield* portal.run(fixture.whatWasSeen);
          expect(read).toBeLessThanOrEqual(1 + 4 + 16 / 2 + 2);
          for (const n of yield* each(stream)) {
            expect(n).toBe(expected++);
            yield* each.next();
          }
          return expected - 1;
        },
        { capacity: 4 },
      );
      expect(count).toBe(2_000);
    });
  });

  it("says what its teardown throws to the consumer that left", function* () {
    yield* withPortal(function* (portal) {
      const left = portal.openStreamFrom(fixture.failsToTearDown, {}, (stream) => stream.receive());
      const error = yield* errorOf(left);
      expect(error).toBeInstanceOf(RemoteActorError);
      expect(String((error as RemoteActorError).message)).toMatch(/teardown/);
    });
  });

  it("B53 checks arguments and items by its schemas", function* () {
    yield* withPortal(function* (portal) {
      expect(yield* portal.openStreamFrom(fixture.checked, {}, itemsOf)).toEqual(["1", "2", "3"]);
      const wrong = portal.openStreamFrom(fixture.checked, { upTo: "no" as never }, itemsOf);
      expect(yield* errorOf(wrong)).toMatchObject({ name: "MsgTypeError" });
    });
  });

  it("that is none, or throws before there is one, is an error at the consumer", function* () {
    yield* withPortal(function* (portal) {
      expect(String(yield* errorOf(portal.openStreamFrom(fixture.promised, {}, itemsOf)))).toMatch(
        /expected an observable.*Promise/,
      );
      const thrown = portal.openStreamFrom(fixture.throwsAtOnce, { why: "no source" }, itemsOf);
      expect(String(yield* errorOf(thrown))).toMatch(/no source/);
      expect(yield* portal.openStreamFrom(fixture.numbers, { upTo: 1 }, itemsOf)).toEqual([1]);
    });
  });

  it("B58 observe: an observable again, each subscription with one of its own", function* () {
    yield* withPortal(function* (portal) {
      const numbers$ = observe(portal, fixture.numbers, { upTo: 5 });
      const promises = [1, 2].map(() => lastValueFrom(numbers$.pipe(bufferCount(2), toArray())));
      for (const promise of promises) expect(yield* settled(promise)).toEqual([[1, 2], [3, 4], [5]]);
      const checked$ = observe(portal, fixture.checked, {});
      expect(yield* settled(lastValueFrom(checked$.pipe(toArray())))).toEqual(["1", "2", "3"]);
    });
  });

  it("B58 observe: an error comes after the items, and is not the completion", function* () {
    yield* withPortal(function* (portal) {
      const seen: unknown[] = [];
      const failing$ = observe(portal, fixture.failsAfter, { count: 2 });
      failing$.subscribe({
        next: (n) => seen.push(n),
        error: (error: unknown) => seen.push(error),
        complete: () => seen.push("complete"),
      });
      yield* settled(failing$.finalized());
      expect(seen).toEqual([1, 2, expect.any(RemoteActorError)]);
    });
  });

  it("B58 observe: unsubscribing cancels the source, and finalized() waits for its teardown over there", function* () {
    yield* withPortal(function* (portal) {
      const slow$ = observe(portal, fixture.unwindsSlowly, {});
      expect(yield* settled(firstValueFrom(slow$))).toBe(1);
      yield* settled(slow$.finalized());
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ log: ["unwound"] });
    });
  });

  it("B58 observe: a scope that reads it through operators waits for the teardown over there", function* () {
    yield* withPortal(function* (portal) {
      const slow$ = observe(portal, fixture.unwindsSlowly, {}).pipe(concatMap((n) => from([n, n])));
      expect(yield* openObservable(slow$, (stream) => stream.receive())).toBe(1);
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ log: ["unwound"] });
    });
  });

  it("observe: an error behind the last item that was wanted is a warning, and no failure of the reader", function* () {
    yield* withPortal(function* (portal) {
      const warnings = collectWarnings();
      const failing$ = observe(portal, fixture.failsAfter, { count: 2 });
      const first = yield* openObservable(failing$.pipe(take(1)), function* (stream) {
        const item = yield* stream.receive();
        for (let turns = 0; turns < 3; turns++) yield* portal.run(fixture.whatWasSeen);
        return item;
      });
      yield* settled(failing$.finalized());
      expect(first).toBe(1);
      // Whether the source had failed by then is for it to say: at most it is heard of here.
      warnings.stop();
      expect(new Set(warnings.names)).toEqual(new Set(warnings.names.filter((name) => name === "LateObservableError")));
    });
  });

  it("observe: pressure holds up a source over there", function* () {
    yield* withPortal(function* (portal) {
      const pressure = new Backpressure();
      const held$ = observe(portal, fixture.heldUp, { upTo: 1_000 }, { pressure, capacity: 4 });
      const total = yield* openObservable(
        held$.pipe(concatMap((n) => [n, n])),
        function* (stream) {
          yield* stream.receive();
          for (let turns = 0; turns < 5; turns++) yield* portal.run(fixture.whatWasSeen);
          const { read } = yield* portal.run(fixture.whatWasSeen);
          expect(read).toBeLessThanOrEqual(30);
          return 1 + (yield* itemsOf(stream)).length;
        },
        { capacity: 8, pressure },
      );
      expect(total).toBe(2_000);
    });
  });

  it("observe: what cannot be asked for is an error notification", function* () {
    yield* withPortal(function* (portal) {
      const named = (source$: Observable<unknown>) =>
        settled(
          lastValueFrom(source$).then(
            () => "none",
            (error: Error) => error.name,
          ),
        );
      expect(yield* named(observe(portal, fixture.isEven as never, {} as never))).toBe("WrongEndpointKind");
      expect(
        yield* named(
          observe(
            portal,
            observable(() => from([1])),
            {},
          ),
        ),
      ).toBe("FunctionNotFound");
      expect(yield* named(observe(portal, fixture.numbers, { upTo: 1 }, { capacity: 0 }))).toBe("RangeError");
    });
  });

  it("observe: within a nursery it is cancelled and waited for by that", function* () {
    yield* withPortal(function* (portal) {
      const told: unknown[] = [];
      yield* openNursery(function* (nursery) {
        const slow$ = observe(portal, fixture.unwindsSlowly, {}, { within: nursery });
        yield* settled(
          new Promise<void>((resolve) => {
            slow$.subscribe({ next: () => resolve(), error: (error: unknown) => told.push(error) });
          }),
        );
        nursery.cancelScope.cancel();
      });
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ log: ["unwound"] });
      expect(told).toEqual([expect.any(Cancelled)]);
    });
  });

  it("observe: types are those of the source", function* () {
    yield* withPortal(function* (portal) {
      expectTypeOf(observe(portal, fixture.numbers, { upTo: 1 })).toEqualTypeOf<TaskObservable<number>>();
      expectTypeOf(observe(portal, fixture.checked, {})).toEqualTypeOf<TaskObservable<string>>();
      const far = remote<typeof fixture>(OBSERVABLES.href);
      expectTypeOf(observe(portal, far.checked, { upTo: 1 })).toEqualTypeOf<TaskObservable<number>>();
      // @ts-expect-error the argument is a number
      observe(portal, fixture.numbers, { upTo: "1" });
      // @ts-expect-error it has one
      observe(portal, fixture.numbers, {});
      // @ts-expect-error a function is called, not observed
      observe(portal, fixture.isEven, { n: 1 });
      // @ts-expect-error it cannot be held back, so there is no such policy
      expect(() => observable({ overflow: "backpressure" }, () => from([1]))).toThrow(RangeError);
      expect(yield* settled(lastValueFrom(observe(portal, far.numbers, { upTo: 2 }).pipe(take(2))))).toBe(2);
    });
  });
});

describe("an observable in another process", () => {
  useCensus();

  it("B58 B44 that is killed is an error at every subscriber, and no completion", function* () {
    const told: unknown[] = [];
    const error = yield* errorOf(
      openActorNursery(function* (an) {
        const portal = yield* an.startActor("dying", { enableModules: [OBSERVABLES] });
        const dying$ = observe(portal, fixture.dies, {});
        dying$.subscribe({
          next: (n) => told.push(n),
          error: (e: Error) => told.push(e.name),
          complete: () => told.push("complete"),
        });
        yield* settled(dying$.finalized());
      }),
    );
    expect(told.at(-1)).toBe("TransportClosed");
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect([...(error as ExceptionGroup).leaves()]).toEqual([expect.any(ActorDied)]);
  });

  it("observed after its actor has gone it is an error notification", function* () {
    const portal = yield* openActorNursery(function* (an) {
      const started = yield* an.startActor("short", { enableModules: [OBSERVABLES] });
      yield* started.cancelActor();
      return started;
    });
    const gone = lastValueFrom(observe(portal, fixture.numbers, { upTo: 1 }));
    expect(yield* errorOf(settled(gone))).toMatchObject({ name: "TransportClosed" });
  });

  it("B30 B58 is torn down when the time around its consumer is up", function* () {
    yield* withChild(function* (portal) {
      yield* moveOnAfter(200, () => portal.openStreamFrom(fixture.neverEnding, { first: [1] }, itemsOf));
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ log: ["subscribed", "torn down"] });
    });
  });
});

describe("observable()", () => {
  it.each([
    [() => observable(7 as never), /takes a function, got number/],
    [() => observable(null as never, () => from([1])), /an object of options, got null/],
    [() => observable({ capacity: 0 }, () => from([1])), /capacity must be a whole number >= 1, got 0/],
    [() => observable({ overflow: "wait" as never }, () => from([1])), /overflow must be one of .* got wait/],
    [() => observable({ send: 7 } as never, () => from([1]) as never), /"send" is not a Standard Schema/],
  ])("refuses what makes no endpoint: %o", (make, message) => {
    expect(make).toThrow(message);
  });
});
