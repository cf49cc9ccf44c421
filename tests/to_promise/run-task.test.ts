import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { type Operation, run as runInEffection, scoped, spawn, suspend } from "effection";
import { expectTypeOf } from "vitest";
import { CancelScope, checkpoint, isCancelled, openNursery, run, sleepForever } from "../../core/mod.ts";
import {
  type LinkedTaskOptions,
  PromiseAborted,
  PromiseIgnoredAbort,
  type PromiseTools,
  run_task,
  runTask,
  ScCancelled,
} from "../../to_promise/mod.ts";
import { expect, it } from "../support/it.ts";
import {
  afterHostTurn,
  cancelLater,
  collectWarnings,
  describeReason,
  errorOf,
  hostTurn,
  outcomeOf,
  SC_ENDS,
} from "./promise-side.ts";

async function double({ n }: { n: number }): Promise<number> {
  return n * 2;
}

/** Rejects with the signal's reason when that is aborted, as `fetch` does. */
function untilAborted({ signal }: PromiseTools): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

// ---------------------------------------------------------------------------------------------------- the outcome table

interface Row {
  readonly promise: string;
  readonly start: (tools: PromiseTools, gate: Promise<void>) => unknown;
  readonly options?: LinkedTaskOptions;
  readonly waits?: string;
  readonly cancelled: string;
  readonly timedOut: string;
  /** What the promise was told when it was told anything. */
  readonly told?: string;
  readonly warnings?: string[];
}

const rows: Row[] = [
  {
    promise: "returns",
    start: async () => "done",
    waits: "value done",
    cancelled: "value done",
    timedOut: "value done",
    told: "nothing",
  },
  {
    promise: "rejects",
    start: async () => {
      throw new Error("legacy");
    },
    waits: "Error: legacy",
    cancelled: "Error: legacy",
    timedOut: "Error: legacy",
    told: "nothing",
  },
  {
    promise: "throws synchronously",
    start: () => {
      throw new Error("sync");
    },
    waits: "Error: sync",
    cancelled: "Error: sync",
    timedOut: "Error: sync",
    told: "nothing",
  },
  {
    promise: "aborts itself",
    start: async () => {
      throw new DOMException("stop", "AbortError");
    },
    waits: "PromiseAborted",
    cancelled: "PromiseAborted",
    timedOut: "PromiseAborted",
    told: "nothing",
  },
  {
    promise: "obeys its signal",
    start: (tools) => untilAborted(tools),
    cancelled: "Cancelled",
    timedOut: "TooSlowError",
  },
  {
    promise: "obeys with an AbortError of its own",
    start: (tools) => untilAborted(tools).catch(() => Promise.reject(new DOMException("stop", "AbortError"))),
    cancelled: "Cancelled",
    timedOut: "TooSlowError",
  },
  {
    promise: "settles late",
    start: (tools) =>
      untilAborted(tools).catch(async (reason) => {
        await new Promise(setImmediate);
        throw reason;
      }),
    cancelled: "Cancelled",
    timedOut: "TooSlowError",
  },
  {
    promise: "returns on abort",
    start: (tools) => untilAborted(tools).catch(() => "saved"),
    cancelled: "value saved",
    timedOut: "value saved",
  },
  {
    promise: "fails on abort",
    start: (tools) => untilAborted(tools).catch(() => Promise.reject(new Error("clean-up"))),
    cancelled: "Error: clean-up",
    timedOut: "Error: clean-up",
  },
  {
    promise: "ignores abort, settles once warned of",
    start: async (_tools, gate) => {
      await gate;
      throw new DOMException("stop", "AbortError");
    },
    options: { graceMs: 0 },
    cancelled: "Cancelled",
    timedOut: "TooSlowError",
    warnings: ["PromiseIgnoredAbort"],
  },
  {
    promise: "never settles",
    start: () => new Promise(() => {}),
    options: { graceMs: 0, onIgnoredAbort: "error" },
    cancelled: "PromiseIgnoredAbort",
    timedOut: "PromiseIgnoredAbort",
  },
];

const table = rows.flatMap((row) =>
  (["waits", "cancelled", "timedOut"] as const).flatMap((sc) => {
    const expected = row[sc];
    return expected === undefined ? [] : [[row.promise, sc, expected, row] as const];
  }),
);

it.each(table)("B55 runTask: the promise %s, the caller %s: %s", function* (_promise, sc, expected, row) {
  let signal: AbortSignal | undefined;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const warnings = collectWarnings(open);
  const outcome = yield* openNursery((nursery) =>
    outcomeOf(() =>
      SC_ENDS[sc](
        () =>
          runTask(
            (_args, tools) => {
              signal = tools.signal;
              return row.start(tools, gate);
            },
            {},
            row.options,
          ),
        // A promise that settles by itself has done so by then.
        (strike) => nursery.startSoon(afterHostTurn, strike),
      ),
    ),
  );
  yield* hostTurn();
  warnings.stop();
  expect(outcome).toBe(expected);
  expect(describeReason(signal)).toBe(row.told ?? "ScCancelled");
  expect(warnings.names).toEqual(row.warnings ?? []);
});

// ------------------------------------------------------------------------------------------------------------ one by one

it("runTask gives the result of a thenable that is no promise", function* () {
  // biome-ignore lint/suspicious/noThenProperty: the test is about one
  const thenable: PromiseLike<number> = { then: (resolve, reject) => Promise.resolve(7).then(resolve, reject) };
  expect(yield* runTask(() => thenable)).toBe(7);
});

it("runTask calls a function as a function", function* () {
  let self: unknown = "not called";
  yield* runTask(function (this: unknown) {
    self = this;
  } as () => void);
  expect(self).toBeUndefined();
});

it("runTask can be stored and performed again", function* () {
  let calls = 0;
  const op = runTask(async () => ++calls);
  expect([yield* op, yield* op]).toEqual([1, 2]);
});

it("B55 an error comes back as the very object that was thrown, whatever it is", function* () {
  for (const thrown of [new TypeError("x"), "text", undefined, null]) {
    let caught: unknown = "nothing";
    try {
      yield* runTask(() => Promise.reject(thrown));
    } catch (error) {
      caught = error;
    }
    expect(caught).toBe(thrown);
  }
});

it("B55 the Promise side is told who cancelled it, and why", function* () {
  let signal: AbortSignal | undefined;
  const scope = new CancelScope();
  yield* scope.run(() =>
    openNursery(function* (nursery) {
      nursery.startSoon(function* canceller() {
        yield* hostTurn();
        scope.cancel("shop is closing");
      });
      yield* runTask((_args, tools) => {
        signal = tools.signal;
        return untilAborted(tools);
      });
    }),
  );
  expect(signal?.reason).toBeInstanceOf(ScCancelled);
  expect(signal?.reason).toMatchObject({
    name: "AbortError",
    code: "ABORT_ERR",
    source: "cancel",
    reason: "shop is closing",
    canceller: "canceller",
  });
});

it("runTask does not call the function in a scope that is cancelled already", function* () {
  let called = false;
  const scope = new CancelScope();
  scope.cancel();
  yield* scope.run(() =>
    runTask(() => {
      called = true;
    }),
  );
  expect(called).toBe(false);
});

it("runTask waits for the promise to settle after a cancellation", function* () {
  const log: string[] = [];
  const scope = new CancelScope();
  yield* scope.run(() =>
    openNursery(function* (nursery) {
      nursery.startSoon(() =>
        runTask(async (_args, { signal }) => {
          await untilAborted({ signal, log: console }).catch(() => {});
          for (let i = 0; i < 50; i++) await null;
          log.push("settled");
        }),
      );
      yield* hostTurn();
      scope.cancel();
    }),
  );
  log.push("left");
  expect(log).toEqual(["settled", "left"]);
});

it("a value that arrives after the cancellation is returned, and the next checkpoint throws", function* () {
  const log: string[] = [];
  yield* cancelLater(function* () {
    const value = yield* runTask((_args, tools) => untilAborted(tools).catch(() => "late"));
    log.push(value);
    yield* checkpoint();
    log.push("not reached");
  });
  expect(log).toEqual(["late"]);
});

it("a Cancelled that another tree was cancelled with is not taken for one of ours", function* () {
  const other = run(sleepForever);
  other.cancel("the other one");
  const error: unknown = yield* errorOf(() => runTask(() => other));
  expect(error).toBeInstanceOf(PromiseAborted);
  expect((error as PromiseAborted).cause).toSatisfy(isCancelled);
});

it("isAbort names what a library rejects with when it was aborted", function* () {
  class Canceled extends Error {}
  const start = (_args: object, tools: PromiseTools) => untilAborted(tools).catch(() => Promise.reject(new Canceled()));
  const outcome = yield* cancelLater(() => runTask(start, {}, { isAbort: (error) => error instanceof Canceled }));
  expect(outcome).toBe("Cancelled");
});

it("a third signal aborts the task, which then has aborted itself", function* () {
  const controller = new AbortController();
  const why = new Error("user went away");
  const error: unknown = yield* errorOf(() =>
    openNursery(function* (nursery) {
      nursery.startSoon(function* () {
        yield* hostTurn();
        controller.abort(why);
      });
      yield* runTask((_args, tools) => untilAborted(tools), {}, { signal: controller.signal, name: "fetchPage" });
    }),
  );
  const [inner] = (error as AggregateError).errors;
  expect(inner).toBeInstanceOf(PromiseAborted);
  expect(inner).toMatchObject({ taskName: "fetchPage", cause: why });
});

it("a third signal keeps no listener once the promise has settled", function* () {
  const { signal } = new AbortController();
  for (let i = 0; i < 20; i++) yield* runTask(double, { n: i }, { signal });
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  yield* errorOf(() => runTask(() => Promise.reject(new Error("x")), {}, { signal }));
  yield* cancelLater(() => runTask((_args, tools) => untilAborted(tools), {}, { signal }));
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

it("B57 the report of an ignored abort names the function, and the place where it was called", function* () {
  const seen: Error[] = [];
  let open = () => {};
  const warnings = collectWarnings((warning) => {
    seen.push(warning);
    open();
  });
  async function legacyClient(): Promise<void> {
    await new Promise<void>((resolve) => {
      open = resolve;
    });
  }
  yield* cancelLater(() => runTask(legacyClient, {}, { graceMs: 0 }));
  warnings.stop();
  expect(seen).toHaveLength(1);
  expect(seen[0]).toBeInstanceOf(PromiseIgnoredAbort);
  expect(seen[0]).toMatchObject({ taskName: "legacyClient", graceMs: 0 });
  expect(seen[0]?.message).toContain('"legacyClient"');
  expect(seen[0]?.stack).toContain("run-task.test.ts");
  expect(seen[0]?.cause).toBeInstanceOf(ScCancelled);
});

it("B57 a promise that was given up is heard of when it settles, and is no unhandled rejection", function* () {
  let fail = (_error: Error) => {};
  const warnings = collectWarnings();
  const never = () =>
    new Promise((_resolve, reject) => {
      fail = reject;
    });
  const outcome = yield* cancelLater(() => runTask(never, {}, { graceMs: 0, onIgnoredAbort: "error" }));
  expect(outcome).toBe("PromiseIgnoredAbort");
  fail(new Error("too late"));
  yield* hostTurn();
  yield* hostTurn();
  warnings.stop();
  expect(warnings.names).toEqual(["PromiseSettledLate"]);
});

it("AsyncLocalStorage reaches the promise, and is the same afterwards", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  await storage.run("outer", () =>
    run(function* () {
      yield* runTask(async () => {
        seen.push(storage.getStore());
        await null;
        seen.push(storage.getStore());
      });
      seen.push(storage.getStore());
    }),
  );
  expect(seen).toEqual(["outer", "outer", "outer"]);
});

it("in a foreign Effection task a halt aborts the promise and waits for it", async () => {
  const log: string[] = [];
  const task = runInEffection(() =>
    runTask(async (_args, tools) => {
      log.push("running");
      await untilAborted(tools).catch(() => log.push(describeReason(tools.signal)));
      await null;
      log.push("settled");
    }),
  );
  await new Promise(setImmediate);
  await task.halt();
  log.push("halted");
  expect(log).toEqual(["running", "ScCancelled", "settled", "halted"]);
});

it("a frame that Effection unwinds because a sibling failed waits for the promise too", function* () {
  const log: string[] = [];
  const error: unknown = yield* errorOf(() =>
    scoped(function* (): Operation<void> {
      yield* spawn(function* () {
        yield* hostTurn();
        throw new Error("sibling");
      });
      yield* runTask(async (_args, tools) => {
        await untilAborted(tools).catch(() => {});
        await null;
        log.push("settled");
      });
      yield* suspend();
    }),
  );
  log.push("left");
  expect(error).toMatchObject({ message: "sibling" });
  expect(log).toEqual(["settled", "left"]);
});

it.each([-1, Number.NaN])("runTask refuses a grace time of %d ms", (graceMs) => {
  expect(() => runTask(double, { n: 1 }, { graceMs })).toThrow(RangeError);
});

it("types of arguments and result come from the function", function* () {
  expectTypeOf(yield* runTask(double, { n: 2 })).toEqualTypeOf<number>();
  expectTypeOf(yield* run_task(async () => "x" as const)).toEqualTypeOf<"x">();
  expectTypeOf(yield* runTask(({ n = 1 }: { n?: number }) => n)).toEqualTypeOf<number>();
  yield* runTask((_args, { signal }) => expectTypeOf(signal).toEqualTypeOf<AbortSignal>());
  // @ts-expect-error wrong argument
  runTask(double, { n: "2" });
  // @ts-expect-error missing argument
  runTask(double);
  // @ts-expect-error unknown policy
  expect(() => runTask(double, { n: 2 }, { onIgnoredAbort: "ignore" })).toThrow(/onIgnoredAbort must be one of warn/);
  // @ts-expect-error unknown policy
  expect(() => runTask(double, { n: 2 }, { leaks: "none" })).toThrow(/leaks must be one of off, warn, error, got none/);
  // @ts-expect-error a promise instead of a function
  expect(() => runTask(double({ n: 2 }))).toThrow(/takes an async function, got object/);
  // @ts-expect-error a controller instead of its signal
  expect(() => runTask(double, { n: 2 }, { signal: new AbortController() })).toThrow(/signal must be an AbortSignal/);
});
