import { getEventListeners } from "node:events";
import { each, type Operation, run as runInEffection, scoped, suspend } from "effection";
import { expectTypeOf } from "vitest";
import {
  BusyResourceError,
  CancelScope,
  ClosedResourceError,
  checkpoint,
  EndOfChannel,
  isCancelled,
  openNursery,
  run,
  StreamOverrun,
  sleepForever,
  waitAllTasksBlocked,
} from "../../core/mod.ts";
import {
  type ChannelOptions,
  MAX_WAITING_SENDS,
  open_channel_from,
  openChannelFrom,
  PromiseAborted,
  type PromiseChannel,
  PromiseNotStarted,
  PromiseTaskExited,
  ScCancelled,
} from "../../to_promise/mod.ts";
import { expect, it } from "../support/it.ts";
import {
  collectWarnings,
  describeError,
  describeReason,
  errorOf,
  hostTurn,
  outcomeOf,
  SC_ENDS,
} from "./promise-side.ts";

/** Answers each number with its double. */
interface Doubling {
  started: string;
  send: number;
  receive: number;
}

async function doubling({ greeting }: { greeting: string }, chan: PromiseChannel<Doubling>): Promise<string> {
  chan.started(greeting);
  for await (const n of chan) await chan.send(n * 2);
  return "no more";
}

interface Counting {
  send: number;
}

async function counting({ to }: { to: number }, chan: PromiseChannel<Counting>): Promise<string> {
  chan.started();
  for (let i = 1; i <= to; i++) await chan.send(i);
  return "counted";
}

function untilAborted({ signal }: { signal: AbortSignal }): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

// ---------------------------------------------------------------------------------------------------- the outcome table

const SC_SIDES = ["returns", "throws", "cancelled", "timedOut"] as const;
type Cells = readonly [returns: string, throws: string, cancelled: string, timedOut: string];

interface Row {
  readonly promise: string;
  readonly start: (chan: PromiseChannel<Counting>, gate: Promise<void>) => unknown;
  readonly options?: ChannelOptions;
  /** What the block comes to, for each way the structured side may end. */
  readonly block: Cells;
  readonly told: Cells;
  readonly warnings?: string[];
}

const NOTHING: Cells = ["nothing", "nothing", "nothing", "nothing"];
const GOOD: Cells = ["value body", "Error: body", "Cancelled", "TooSlowError"];
const TOLD: Cells = ["ScTaskExited", "ScTaskExited after Error: body", "ScCancelled", "ScCancelled"];

const rows: Row[] = [
  {
    promise: "returns",
    start: async (chan) => chan.started(),
    block: GOOD,
    told: NOTHING,
  },
  {
    promise: "rejects",
    start: async (chan) => {
      chan.started();
      throw new Error("legacy");
    },
    block: ["Error: legacy", "Error: legacy", "Error: legacy", "Error: legacy"],
    told: NOTHING,
  },
  {
    promise: "aborts itself",
    start: async (chan) => {
      chan.started();
      throw new DOMException("stop", "AbortError");
    },
    block: ["PromiseAborted", "PromiseAborted", "PromiseAborted", "PromiseAborted"],
    told: NOTHING,
  },
  {
    promise: "obeys its signal",
    start: (chan) => {
      chan.started();
      return untilAborted(chan);
    },
    block: GOOD,
    told: TOLD,
  },
  {
    promise: "settles late",
    start: (chan) => {
      chan.started();
      return untilAborted(chan).catch(async (reason) => {
        await new Promise(setImmediate);
        throw reason;
      });
    },
    block: GOOD,
    told: TOLD,
  },
  {
    promise: "returns on abort",
    start: (chan) => {
      chan.started();
      return untilAborted(chan).catch(() => "saved");
    },
    block: GOOD,
    told: TOLD,
  },
  {
    promise: "fails on abort",
    start: (chan) => {
      chan.started();
      return untilAborted(chan).catch(() => Promise.reject(new Error("clean-up")));
    },
    block: ["Error: clean-up", "[Error: body, Error: clean-up]", "Error: clean-up", "Error: clean-up"],
    told: TOLD,
  },
  {
    promise: "is blocked in send",
    start: async (chan) => {
      chan.started();
      for (let i = 0; ; i++) await chan.send(i);
    },
    block: GOOD,
    told: TOLD,
  },
  {
    promise: "is blocked in receive",
    start: async (chan) => {
      chan.started();
      await chan.receive();
    },
    block: GOOD,
    told: TOLD,
  },
  {
    promise: "ignores abort, settles once warned of",
    start: async (chan, gate) => {
      chan.started();
      await gate;
    },
    options: { graceMs: 0 },
    block: GOOD,
    told: TOLD,
    warnings: ["PromiseIgnoredAbort"],
  },
  {
    promise: "never settles",
    start: (chan) => {
      chan.started();
      return new Promise(() => {});
    },
    options: { graceMs: 0, onIgnoredAbort: "error" },
    block: ["PromiseIgnoredAbort", "[Error: body, PromiseIgnoredAbort]", "PromiseIgnoredAbort", "PromiseIgnoredAbort"],
    told: TOLD,
  },
  {
    promise: "throws synchronously",
    start: () => {
      throw new Error("sync");
    },
    block: ["Error: sync", "Error: sync", "Error: sync", "Error: sync"],
    told: NOTHING,
  },
  {
    promise: "rejects before started",
    start: () => Promise.reject(new Error("no route")),
    block: ["Error: no route", "Error: no route", "Error: no route", "Error: no route"],
    told: NOTHING,
  },
  {
    promise: "ends before started",
    start: async () => "x",
    block: ["PromiseNotStarted", "PromiseNotStarted", "PromiseNotStarted", "PromiseNotStarted"],
    told: NOTHING,
  },
  {
    promise: "never starts",
    start: untilAborted,
    options: { startTimeoutMs: 0 },
    block: ["PromiseNotStarted", "PromiseNotStarted", "PromiseNotStarted", "PromiseNotStarted"],
    told: [
      "ScTaskExited after PromiseNotStarted",
      "ScTaskExited after PromiseNotStarted",
      "ScTaskExited after PromiseNotStarted",
      "ScTaskExited after PromiseNotStarted",
    ],
  },
];

const table = rows.flatMap((row) =>
  SC_SIDES.map((sc, i) => [row.promise, sc, row.block[i] ?? "", row.told[i] ?? "", row] as const),
);

it.each(table)("B55 B56 channel: the promise %s, the block %s: %s, told %s", function* (_, sc, block, told, row) {
  let signal: AbortSignal | undefined;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const warnings = collectWarnings(open);
  let strike = () => {};
  const end = sc === "cancelled" || sc === "timedOut" ? SC_ENDS[sc] : SC_ENDS.waits;
  const outcome = yield* outcomeOf(() =>
    end(
      () =>
        openChannelFrom(
          (_args: object, chan: PromiseChannel<Counting>) => {
            signal = chan.signal;
            return row.start(chan, gate);
          },
          {},
          function* () {
            yield* hostTurn(); // a promise that settles by itself has done so by then
            if (sc === "returns") return "body";
            if (sc === "throws") throw new Error("body");
            strike();
            return yield* sleepForever();
          },
          row.options,
        ),
      (it) => {
        strike = it;
      },
    ),
  );
  yield* hostTurn();
  warnings.stop();
  expect(outcome).toBe(block);
  expect(describeReason(signal)).toBe(told);
  expect(warnings.names).toEqual(row.warnings ?? []);
});

// ------------------------------------------------------------------------------------------------------------- talking

it("both sides talk, and leaving the block ends the promise's loop in good order", function* () {
  const answers: number[] = [];
  const first = yield* openChannelFrom(doubling, { greeting: "hello" }, function* (chan, first) {
    for (const n of [1, 2, 3]) {
      yield* chan.send(n);
      answers.push(yield* chan.receive());
    }
    return first;
  });
  expect(first).toBe("hello");
  expect(answers).toEqual([2, 4, 6]);
});

it("closeSend ends the promise's loop, and its result is there to wait for", function* () {
  const seen = yield* openChannelFrom(doubling, { greeting: "" }, function* (chan) {
    yield* chan.send(4);
    chan.closeSend();
    const items: unknown[] = [yield* chan.waitForResult()];
    for (const item of yield* each(chan)) {
      items.push(item);
      yield* each.next();
    }
    items.push(yield* errorOf(() => chan.send(1)));
    return items;
  });
  expect(seen).toEqual(["no more", 8, expect.any(ClosedResourceError)]);
});

it("each ends when the promise returns, with every item received in order", function* () {
  const seen: number[] = [];
  yield* openChannelFrom(counting, { to: 100 }, function* (chan) {
    for (const item of yield* each(chan)) {
      seen.push(item);
      yield* each.next();
    }
  });
  expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
});

it("receive throws PromiseTaskExited, with the result, after the last item", function* () {
  const error: unknown = yield* errorOf(() =>
    openChannelFrom(counting, { to: 2 }, function* (chan) {
      for (;;) yield* chan.receive();
    }),
  );
  expect(error).toBeInstanceOf(PromiseTaskExited);
  expect(error).toMatchObject({ taskName: "counting", result: "counted" });
});

it("suppressGracefulExits takes PromiseTaskExited for a good end, in a group too", function* () {
  const options = { suppressGracefulExits: true } as const;
  const drain = (read: () => Operation<unknown>) =>
    function* (): Operation<string> {
      for (;;) yield* read();
    };
  const alone = yield* openChannelFrom(counting, { to: 2 }, (chan) => drain(() => chan.receive())(), options);
  expect(alone).toBeUndefined();
  const grouped = yield* openChannelFrom(
    counting,
    { to: 2 },
    (chan) =>
      openNursery(function* (nursery) {
        nursery.startSoon(drain(() => chan.receive()));
        yield* sleepForever();
      }),
    options,
  );
  expect(grouped).toBeUndefined();
  const error: unknown = yield* errorOf(() =>
    openChannelFrom(counting, { to: 2 }, () => errorThrown(new Error("other")), options),
  );
  expect(error).toMatchObject({ message: "other" });
});

it("the promise's send waits for room, and trySend says that there is none", function* () {
  const log: string[] = [];
  async function producer(_args: object, chan: PromiseChannel<Counting>): Promise<void> {
    chan.started();
    for (let i = 1; i <= 4; i++) {
      await chan.send(i);
      log.push(`sent ${i}`);
    }
    log.push(`try ${chan.trySend(5)}`);
  }
  const body = function* (chan: { receive(): Operation<number> }): Operation<void> {
    yield* hostTurn();
    expect(log).toEqual(["sent 1", "sent 2"]);
    for (let i = 1; i <= 4; i++) {
      expect(yield* chan.receive()).toBe(i);
      if (i === 1) yield* hostTurn();
      if (i === 1) expect(log).toEqual(["sent 1", "sent 2", "sent 3"]);
    }
  };
  yield* openChannelFrom(producer, {}, body, { capacity: 2 });
});

it("the structured side's send waits for room", function* () {
  let taken = 0;
  async function slow(_args: object, chan: PromiseChannel<{ receive: number; started: () => Promise<void> }>) {
    chan.started(async () => {
      await chan.receive();
      taken++;
    });
    await untilAborted(chan);
  }
  let sent = 0;
  yield* openChannelFrom(
    slow,
    {},
    (chan, take) =>
      openNursery(function* (nursery) {
        nursery.startSoon(function* () {
          for (let i = 0; i < 4; i++) {
            yield* chan.send(i);
            sent++;
          }
        });
        yield* waitAllTasksBlocked();
        expect([sent, taken]).toEqual([2, 0]);
        expect(chan.statistics()).toEqual({ capacity: 2, toPromise: 3, fromPromise: 0, promiseSendsWaiting: 0 });
        for (let i = 0; i < 2; i++) take();
        yield* waitAllTasksBlocked();
        expect([sent, taken]).toEqual([4, 2]);
      }),
    { capacity: 2 },
  );
});

it("with a capacity of 0 each send waits for its receive, both ways", function* () {
  const body = function* (chan: { send(n: number): Operation<void>; receive(): Operation<number> }) {
    yield* chan.send(21);
    return yield* chan.receive();
  };
  expect(yield* openChannelFrom(doubling, { greeting: "" }, body, { capacity: 0 })).toBe(42);
});

it("items of sends that were not awaited arrive, also after the promise has returned", function* () {
  const seen: number[] = [];
  async function hasty(_args: object, chan: PromiseChannel<Counting>): Promise<void> {
    chan.started();
    for (let i = 0; i < 50; i++) void chan.send(i);
  }
  const body = function* (chan: Parameters<typeof each<number>>[0]): Operation<void> {
    yield* hostTurn();
    for (const item of yield* each(chan)) {
      seen.push(item);
      yield* each.next();
    }
  };
  yield* openChannelFrom(hasty, {}, body, { capacity: 1 });
  expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

it("sends that are not awaited are bounded: the task is aborted with StreamOverrun", function* () {
  async function firehose(_args: object, chan: PromiseChannel<Counting>): Promise<void> {
    chan.started();
    for (let i = 0; i <= MAX_WAITING_SENDS; i++) void chan.send(i);
    await untilAborted(chan);
  }
  const error: unknown = yield* errorOf(() => openChannelFrom(firehose, {}, sleepForever, { capacity: 0 }));
  expect(error).toBeInstanceOf(PromiseAborted);
  expect((error as PromiseAborted).cause).toBeInstanceOf(StreamOverrun);
});

it("what was sent before the block is left reaches the promise's loop before it ends", function* () {
  const seen: number[] = [];
  async function sink(_args: object, chan: PromiseChannel<{ receive: number }>): Promise<void> {
    chan.started();
    for await (const n of chan) seen.push(n);
  }
  yield* openChannelFrom(sink, {}, function* (chan) {
    for (let i = 0; i < 5; i++) yield* chan.send(i);
  });
  expect(seen).toEqual([0, 1, 2, 3, 4]);
});

// -------------------------------------------------------------------------------------------------------------- ending

it("an error that the body waits for is thrown there, and can be handled there", function* () {
  async function failing(_args: object, chan: PromiseChannel<Counting>): Promise<void> {
    chan.started();
    await Promise.resolve();
    throw new Error("legacy");
  }
  const handled = yield* openChannelFrom(failing, {}, function* (chan) {
    const error = yield* errorOf(() => chan.receive());
    yield* hostTurn();
    return describeError(error);
  });
  expect(handled).toBe("Error: legacy");
});

it("an error is not thrown twice where the body passes it on while it is cancelled", function* () {
  async function failing(_args: object, chan: PromiseChannel<Counting>): Promise<void> {
    chan.started();
    throw new Error("legacy");
  }
  const error: unknown = yield* errorOf(() =>
    openChannelFrom(failing, {}, function* (chan) {
      try {
        yield* sleepForever();
      } finally {
        yield* chan.waitForResult();
      }
    }),
  );
  expect(describeError(error)).toBe("Error: legacy");
});

it("an error before the first item comes out of the block through each as well", function* () {
  async function failing(_args: object, chan: PromiseChannel<Counting>): Promise<void> {
    chan.started();
    await Promise.resolve();
    throw new Error("legacy");
  }
  for (let i = 0; i < 2; i++) {
    const error: unknown = yield* errorOf(() =>
      scoped(() =>
        openChannelFrom(failing, {}, function* (chan) {
          if (i === 1) yield* hostTurn();
          for (const _ of yield* each(chan)) yield* each.next();
        }),
      ),
    );
    expect(describeError(error)).toBe("Error: legacy");
  }
});

it("waitForResult, after the body has been told nothing, gives PromiseAborted for an abort of its own", function* () {
  async function quitting(_args: object, chan: PromiseChannel<Counting>): Promise<number> {
    chan.started();
    await Promise.resolve();
    throw new DOMException("stop", "AbortError");
  }
  const error: unknown = yield* errorOf(() => openChannelFrom(quitting, {}, (chan) => chan.waitForResult()));
  expect(error).toBeInstanceOf(PromiseAborted);
});

it("B55 who reads the channel from another tree learns that it is closed, not that the promise failed", async () => {
  async function untilToldAndFailing(_args: object, chan: PromiseChannel<Counting>): Promise<void> {
    chan.started();
    await untilAborted(chan).catch(() => Promise.reject(new Error("clean-up")));
  }
  const [outcome, elsewhere] = await run(function* () {
    let elsewhere: Promise<string> | undefined;
    const outcome = yield* outcomeOf(() =>
      openChannelFrom(untilToldAndFailing, {}, function* (chan) {
        elsewhere = run(() => outcomeOf(() => chan.receive()));
        yield* waitAllTasksBlocked();
      }),
    );
    return [outcome, elsewhere] as const;
  });
  expect(outcome).toBe("Error: clean-up");
  expect(await elsewhere).toBe("ClosedResourceError");
});

it("cancelPromiseTask aborts, waits, and the body goes on", function* () {
  const log: string[] = [];
  async function legacy(_args: object, chan: PromiseChannel<Counting>): Promise<void> {
    chan.started();
    try {
      await untilAborted(chan);
    } finally {
      await null;
      log.push(`settled: ${describeReason(chan.signal)}`);
    }
  }
  const value = yield* openChannelFrom(legacy, {}, function* (chan) {
    yield* chan.cancelPromiseTask("not needed");
    log.push("cancelled");
    for (const op of [chan.receive(), chan.waitForResult()]) {
      expect(yield* errorOf(() => op)).toBeInstanceOf(ClosedResourceError);
    }
    yield* chan.cancelPromiseTask();
    yield* hostTurn();
    return "went on";
  });
  expect(value).toBe("went on");
  expect(log).toEqual(["settled: ScCancelled", "cancelled"]);
});

it("the signal's reason is what waits on the Promise side are rejected with", function* () {
  const seen: unknown[] = [];
  async function legacy(_args: object, chan: PromiseChannel<Doubling>): Promise<void> {
    chan.started("");
    await chan.receive().catch((error) => seen.push(error));
    await chan.send(1).catch((error) => seen.push(error));
    seen.push(chan.trySend(1));
    for await (const _ of chan) seen.push("item");
  }
  const scope = new CancelScope();
  const args = {};
  const body = function* (): Operation<void> {
    scope.cancel("closing");
    yield* sleepForever();
  };
  yield* scope.run(() => openChannelFrom(legacy, args, body));
  expect(scope.cancelledCaught).toBe(true);
  expect(seen).toEqual([expect.any(ScCancelled), expect.any(ScCancelled), false]);
});

it("misuse of the handshake is an error with a clear message", function* () {
  const outcomeFor = (start: (chan: PromiseChannel<Counting>) => void): Operation<string> =>
    outcomeOf(() =>
      openChannelFrom(async (_args: object, chan: PromiseChannel<Counting>) => start(chan), {}, sleepForever),
    );
  expect(yield* outcomeFor((chan) => void chan.send(1))).toMatch(/sent an item before it called chan.started/);
  expect(
    yield* outcomeFor((chan) => {
      chan.started();
      chan.started();
    }),
  ).toMatch(/called chan.started\(\) twice/);
});

it("B56 a promise task that ends before its handshake is named", function* () {
  async function feed(_args: object, _chan: PromiseChannel<Counting>): Promise<void> {}
  const error: unknown = yield* errorOf(() => openChannelFrom(feed, {}, sleepForever));
  expect(error).toBeInstanceOf(PromiseNotStarted);
  expect(error).toMatchObject({ taskName: "feed", timeoutMs: undefined });
});

it("in a foreign Effection task a halt cancels both sides and waits for them", async () => {
  const log: string[] = [];
  async function legacy(_args: object, chan: PromiseChannel<Counting>): Promise<void> {
    chan.started();
    await untilAborted(chan).catch(() => {});
    log.push(`promise: ${describeReason(chan.signal)}`);
  }
  const task = runInEffection(() =>
    openChannelFrom(legacy, {}, function* () {
      try {
        log.push("body");
        yield* suspend();
      } catch (error) {
        log.push(`body: ${isCancelled(error)}`);
        throw error;
      }
    }),
  );
  await new Promise(setImmediate);
  await task.halt();
  log.push("halted");
  expect(log[0]).toBe("body");
  expect(log.slice(1, 3).sort()).toEqual(["body: true", "promise: ScCancelled"]);
  expect(log[3]).toBe("halted");
});

it("nothing is left on a third signal, and no rejection is unhandled, over many channels", function* () {
  const { signal } = new AbortController();
  for (let i = 0; i < 50; i++) {
    yield* openChannelFrom(doubling, { greeting: "" }, (chan) => chan.send(1), { signal });
    yield* openChannelFrom(counting, { to: Number.POSITIVE_INFINITY }, (chan) => chan.receive(), { signal });
  }
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

it("EndOfChannel ends the other side's loop after closeSend over there", function* () {
  async function halfOpen(_args: object, chan: PromiseChannel<Doubling>): Promise<string> {
    chan.started("");
    await chan.send(1);
    chan.closeSend();
    await chan.send(2).catch(() => {});
    return `heard ${await chan.receive()}`;
  }
  yield* openChannelFrom(halfOpen, {}, function* (chan) {
    const items: number[] = [];
    for (const item of yield* each(chan)) {
      items.push(item);
      yield* each.next();
    }
    expect(items).toEqual([1]);
    expect(yield* errorOf(() => chan.receive())).toBeInstanceOf(EndOfChannel);
    yield* chan.send(7);
    expect(yield* chan.waitForResult()).toBe("heard 7");
  });
});

it.each<ChannelOptions>([{ capacity: -1 }, { capacity: 1.5 }, { graceMs: Number.NaN }, { startTimeoutMs: -1 }])(
  "openChannelFrom refuses %o",
  (options) => {
    expect(() => openChannelFrom(counting, { to: 1 }, sleepForever, options)).toThrow(RangeError);
  },
);

it("types flow from the function to the body", function* () {
  const value = yield* open_channel_from(doubling, { greeting: "x" }, function* (chan, first) {
    expectTypeOf(first).toEqualTypeOf<string>();
    expectTypeOf(chan.receive()).toEqualTypeOf<Operation<number>>();
    expectTypeOf(chan.waitForResult()).toEqualTypeOf<Operation<string>>();
    yield* chan.send(1);
    // @ts-expect-error wrong item
    chan.send("1");
    return 1 as const;
  });
  expectTypeOf(value).toEqualTypeOf<1>();
  const maybe = yield* openChannelFrom(counting, { to: 1 }, (chan) => chan.receive(), { suppressGracefulExits: true });
  expectTypeOf(maybe).toEqualTypeOf<number | undefined>();
  // @ts-expect-error wrong arguments
  openChannelFrom(doubling, { greeting: 1 }, sleepForever);
});

function* errorThrown(error: Error): Operation<never> {
  throw error;
}

// --------------------------------------------------------------------------------------------------------- subscribing

it("every subscriber gets every item from its subscription on, and ends when the promise returns", function* () {
  const seen: Record<string, number[]> = { one: [], two: [] };
  let busy: unknown;
  yield* openChannelFrom(counting, { to: 20 }, (chan) =>
    openNursery(function* (nursery) {
      for (const name of ["one", "two"]) {
        nursery.startSoon(() =>
          chan.subscribe(function* (items) {
            for (const item of yield* each(items)) {
              seen[name]?.push(item);
              yield* each.next();
            }
          }),
        );
      }
      yield* checkpoint();
      busy = yield* errorOf(() => chan.receive());
    }),
  );
  const all = Array.from({ length: 20 }, (_, i) => i + 1);
  expect(seen).toEqual({ one: all, two: all });
  expect(busy).toBeInstanceOf(BusyResourceError);
});

it("a subscriber hears how the promise failed; one that is slow is told what it has missed", function* () {
  const error = yield* errorOf(() =>
    openChannelFrom(
      async (_args: object, chan: PromiseChannel<Counting>) => {
        chan.started();
        for (let i = 1; i <= 10; i++) await chan.send(i);
        throw new Error("legacy");
      },
      {},
      (chan) =>
        chan.subscribe((slow) =>
          chan.subscribe(function* (fast) {
            for (let i = 1; i <= 10; i++) expect(yield* fast.receive()).toBe(i);
            const lagged = yield* errorOf(() => slow.receive());
            expect(lagged).toMatchObject({ name: "Lagged", missed: 6, capacity: 4 });
            yield* fast.receive();
          }),
        ),
      { capacity: 4 },
    ),
  );
  expect(error).toMatchObject({ message: "legacy" });
});
