/** One-way streams: `portal.openStreamFrom`, to this process and to another. */
import type { Operation } from "effection";
import {
  CancelScope,
  each,
  failAfter,
  MsgTypeError,
  moveOnAfter,
  NoRuntime,
  openActorNursery,
  openRootActor,
  openSelfPortal,
  type Portal,
  producer,
  type ReceiveStream,
  RemoteActorError,
  remote,
  type SendStream,
  sleep,
  TooSlowError,
  WrongEndpointKind,
} from "../../core/mod.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import * as fixture from "./fixtures/producers.ts";
import * as typed from "./fixtures/typed.ts";

const PRODUCERS = new URL("./fixtures/producers.ts", import.meta.url);
const TYPED = new URL("./fixtures/typed.ts", import.meta.url);

const withSelf = <T>(body: (portal: Portal) => Operation<T>) =>
  openRootActor(() => openSelfPortal(body), { enableModules: [PRODUCERS, TYPED] });

const withChild = <T>(body: (portal: Portal) => Operation<T>) =>
  openActorNursery(function* (an) {
    const portal = yield* an.startActor("producers", { enableModules: [PRODUCERS, TYPED] });
    const value = yield* body(portal);
    yield* portal.cancelActor();
    return value;
  });

function* itemsOf<T>(stream: ReceiveStream<T>): Operation<T[]> {
  const items: T[] = [];
  for (const item of yield* each(stream)) {
    items.push(item);
    yield* each.next();
  }
  return items;
}

describe.each([
  ["in its own actor (B41)", withSelf],
  ["in another process", withChild],
])("a producer %s", (_where, withPortal) => {
  useCensus();

  it("gives its items in order, and its end", function* () {
    yield* withPortal(function* (portal) {
      const items = yield* portal.openStreamFrom(fixture.numbers, { upTo: 3_000 }, itemsOf);
      expect(items).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ sent: 3_000, ended: "returned" });
    });
  });

  it("is held back at the capacity of its consumer, and cancelled and cleaned up when that leaves", function* () {
    yield* withPortal(function* (portal) {
      yield* portal.openStreamFrom(
        fixture.endless,
        {},
        function* (stream) {
          for (let i = 0; i < 5; i++) expect(yield* stream.receive()).toBe(i);
          // Enough turns for as many items as it likes, if it were let.
          for (let turns = 0; turns < 5; turns++) yield* portal.run(fixture.whatWasSeen);
          const { sent } = yield* portal.run(fixture.whatWasSeen);
          expect(sent).toBeGreaterThan(5);
          expect(sent).toBeLessThanOrEqual(5 + 16);
        },
        { capacity: 16 },
      );
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ ended: "cleaned up" });
    });
  });

  it("gives what it gave before it failed, and then its error, where the items are received", function* () {
    yield* withPortal(function* (portal) {
      const received: number[] = [];
      const error = yield* errorOf(
        portal.openStreamFrom(fixture.failsAfter, { count: 3 }, function* (stream) {
          yield* macrotasks(5); // it has failed long since
          for (;;) received.push(yield* stream.receive());
        }),
      );
      expect(received).toEqual([0, 1, 2]);
      expect(error).toBeInstanceOf(RemoteActorError);
      expect(error).toMatchObject({ remoteName: "RangeError", remoteMessage: "ran dry" });
    });
  });

  it("tells of a failure that its consumer has not waited for", function* () {
    yield* withPortal(function* (portal) {
      const leftEarly = portal.openStreamFrom(fixture.failsAfter, { count: 0 }, () => portal.run(fixture.whatWasSeen));
      expect(yield* errorOf(leftEarly)).toMatchObject({ remoteMessage: "ran dry" });
    });
  });

  it("a failure that its consumer has left before is told to onMissedFailure, where that is given", function* () {
    yield* withPortal(function* (portal) {
      const missed: unknown[] = [];
      const onMissedFailure = (error: Error) => void missed.push(error);
      // A call later the failure has come, too.
      const leaves = function* () {
        yield* portal.run(fixture.whatWasSeen);
        return "left";
      };
      expect(yield* portal.openStreamFrom(fixture.failsAfter, { count: 1 }, leaves, { onMissedFailure })).toBe("left");
      expect(missed).toEqual([expect.any(RemoteActorError)]);
      const scope = new CancelScope();
      const isCancelled = portal.openStreamFrom(
        fixture.failsAfter,
        { count: 1 },
        function* () {
          yield* portal.run(fixture.whatWasSeen);
          scope.cancel();
          yield* sleep(1_000);
        },
        { onMissedFailure },
      );
      yield* scope.run(() => isCancelled);
      expect(scope.cancelledCaught).toBe(true);
      expect(missed).toHaveLength(2);
      const cleanUpFails = portal.openStreamFrom(fixture.failsToCleanUp, {}, (stream) => stream.receive(), {
        onMissedFailure,
      });
      expect(yield* errorOf(cleanUpFails)).toMatchObject({ message: expect.stringContaining("clean-up") });
      expect(missed).toHaveLength(2);
    });
  });

  it("a consumer that fails cancels it, and its error is the one that leaves", function* () {
    yield* withPortal(function* (portal) {
      const failed = portal.openStreamFrom(fixture.endless, {}, function* () {
        throw new RangeError("of the consumer");
      });
      expect(yield* errorOf(failed)).toMatchObject({ message: "of the consumer" });
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ ended: "cleaned up" });
    });
  });

  it("B31 is cancelled with its consumer, which waits for it", function* () {
    yield* withPortal(function* (portal) {
      const value = yield* moveOnAfter(200, () =>
        portal.openStreamFrom(fixture.endless, {}, (stream) => itemsOf(stream)),
      );
      expect(value).toBeUndefined();
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ ended: "cleaned up" });
    });
  });

  it("B30 a deadline around it is told as the consumer's own", function* () {
    yield* withPortal(function* (portal) {
      const slow = failAfter(150, () => portal.openStreamFrom(fixture.silent, {}, (stream) => stream.receive()));
      expect(yield* errorOf(slow)).toBeInstanceOf(TooSlowError);
    });
  });

  it("an exported async generator is one as it stands", function* () {
    yield* withPortal(function* (portal) {
      const items = yield* portal.openStreamFrom(fixture.pages, { from: 2, upTo: 5 }, itemsOf);
      expect(items).toEqual([{ page: 2 }, { page: 3 }, { page: 4 }]);
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ ended: "returned", signalled: false });
    });
  });

  it("an async generator is closed when its consumer leaves", function* () {
    yield* withPortal(function* (portal) {
      const first = yield* portal.openStreamFrom(fixture.pages, { from: 0, upTo: 1e9 }, (stream) => stream.receive(), {
        capacity: 4,
      });
      expect(first).toEqual({ page: 0 });
      expect(yield* portal.run(fixture.whatWasSeen)).toMatchObject({ ended: "closed", signalled: true });
    });
  });

  it("an async generator that throws is a failure like any other", function* () {
    yield* withPortal(function* (portal) {
      expect(yield* errorOf(portal.openStreamFrom(fixture.pagesThatFail, {}, itemsOf))).toMatchObject({
        remoteMessage: "no more pages",
      });
    });
  });

  it("any function that returns an async iterable is one, and need not be closable", function* () {
    yield* withPortal(function* (portal) {
      expect(yield* portal.openStreamFrom(fixture.plainIterable, { upTo: 3 }, itemsOf)).toEqual([0, 1, 2]);
      const first = portal.openStreamFrom(fixture.plainIterable, { upTo: 1e9 }, (s) => s.receive(), { capacity: 1 });
      expect(yield* first).toBe(0);
    });
  });

  it("B37 says itself what it does with items for which there is no room", function* () {
    yield* withPortal(function* (portal) {
      const items = yield* portal.openStreamFrom(
        fixture.latest,
        { upTo: 100 },
        function* (stream) {
          for (let turns = 0; turns < 5; turns++) yield* portal.run(fixture.whatWasSeen);
          return yield* itemsOf(stream);
        },
        { capacity: 1 },
      );
      expect(items.at(-1)).toBe(99);
      expect(items.length).toBeLessThan(10);
    });
  });

  it("B53 gives its consumer what the schema makes of arguments and items, and refuses the rest where it arrives", function* () {
    yield* withPortal(function* (portal) {
      const items: string[] = [];
      const error = yield* errorOf(
        portal.openStreamFrom(fixture.checked, {}, function* (stream) {
          for (;;) items.push(yield* stream.receive());
        }),
      );
      expect(items).toEqual(["0", "1"]);
      expect(error).toBeInstanceOf(MsgTypeError);
      expect(error).toMatchObject({ slot: "send" });
      const wrong = portal.openStreamFrom(fixture.checked, { upTo: "no" as never }, itemsOf);
      expect(yield* errorOf(wrong)).toMatchObject({ name: "MsgTypeError", slot: "args" });
    });
  });

  it("B18 asked for as something else, each kind of endpoint says what it is and how it is opened", function* () {
    yield* withPortal(function* (portal) {
      const untyped = (url: URL) => remote<Record<string, never>>(url.href) as Record<string, never>;
      const producers = untyped(PRODUCERS);
      const typedModule = untyped(TYPED);
      const asCall = yield* errorOf(portal.run(producers.numbers as unknown as () => Operation<number>));
      expect(asCall).toBeInstanceOf(WrongEndpointKind);
      expect(String(asCall)).toMatch(/producers.ts.numbers is a producer of items: open it with portal.openStreamFrom/);
      const asContext = portal.openContext(producers.whatWasSeen as never, {}, function* () {});
      expect(yield* errorOf(asContext)).toMatchObject({ actual: "asyncfunc", expected: "context" });
      const asProducer = portal.openStreamFrom(typedModule.byZod as never, { n: 1 } as never, itemsOf);
      expect(yield* errorOf(asProducer)).toMatchObject({ actual: "context", expected: "producer" });
      // And the actor serves on.
      expect(yield* portal.openStreamFrom(fixture.numbers, { upTo: 1 }, itemsOf)).toEqual([0]);
    });
  });

  it("is refused before it is asked for where the call cannot work, saying why", function* () {
    yield* withPortal(function* (portal) {
      const badOption = portal.openStreamFrom(fixture.numbers, { upTo: 1 }, itemsOf, { capacity: 0 });
      expect(yield* errorOf(badOption)).toMatchObject({
        name: "RangeError",
        message: expect.stringMatching(/capacity must be/),
      });
      const noBlock = portal.openStreamFrom(fixture.numbers, { upTo: 1 }, undefined as never);
      expect(String(yield* errorOf(noBlock))).toMatch(/openStreamFrom\(endpoint, args, body\) takes its block/);
      const sending = portal.openStreamFrom(fixture.numbers, { upTo: 1 }, function* (stream) {
        yield* (stream as unknown as SendStream<number>).send(1);
      });
      expect(String(yield* errorOf(sending))).toMatch(
        /a producer sends and its consumer receives; for both, open a context/,
      );
    });
  });

  it("B26 B27 cancelled through its actor it ends its consumer, who asked for that and is spared the error", function* () {
    yield* withPortal(function* (portal) {
      let isAfter = false;
      yield* portal.openStreamFrom(fixture.silent, {}, function* (stream) {
        yield* portal.cancelActor({ reason: "enough" });
        yield* stream.receive();
        isAfter = true;
      });
      expect(isAfter).toBe(false);
    });
  });
});

describe("making a producer", () => {
  it.each([
    ["no function", () => producer({} as never), /producer\(\) takes a generator function, got object/],
    ["no schema", () => producer({ send: 7 as never }, function* () {}), /"send" is not a Standard Schema, got number/],
    ["a bad policy", () => producer({ sendOverflow: "wait" as never }, function* () {}), /sendOverflow must be one of/],
    ["no options", () => producer(null as never, function* () {}), /takes an object of options, got null/],
  ])("refuses %s", (_what, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("openSelfPortal", () => {
  useCensus();

  it("B1 says so where there is no actor", function* () {
    expect(yield* errorOf(openSelfPortal(function* () {}))).toBeInstanceOf(NoRuntime);
  });

  it("B41 contexts and their types, validation and cancellation work as with any other actor", function* () {
    yield* withSelf(function* (portal) {
      const error = yield* errorOf(portal.openContext(typed.byZod, { n: "x" as never }, function* () {}));
      expect(error).toMatchObject({ name: "MsgTypeError" });
    });
  });

  it("what was called through it has ended when it is left", function* () {
    yield* withSelf(function* (portal) {
      yield* moveOnAfter(50, () => portal.openStreamFrom(fixture.endless, {}, () => sleep(10_000)));
      expect(fixture.seen.ended).toBe("cleaned up");
    });
  });
});
