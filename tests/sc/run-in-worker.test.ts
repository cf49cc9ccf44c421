import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { run as runEffection, sleep as sleepInEffection } from "effection";
import { afterEach } from "vitest";
import { Cancelled, FunctionNotFound } from "../../core/errors/mod.ts";
import { ExceptionGroup } from "../../core/exception-group.ts";
import {
  CancelScope,
  CapacityLimiter,
  checkpoint,
  DEFAULT_WORKER_TOKENS,
  defaultWorkerLimiter,
  openNursery,
  type RunInWorkerOptions,
  run,
  runInWorker,
  WORKER_IDLE_MS,
  WorkerCloneError,
  WorkerDied,
  WorkerImportError,
} from "../../core/sc/mod.ts";
import { callIn, defaultPool } from "../../core/sc/run-in-worker.ts";
import { typeScriptLoader } from "../../core/sc/worker-boot.ts";
import { MAX_RELAYED_ERRORS } from "../../core/sc/worker-message.ts";
import { type PoolClock, WorkerPool } from "../../core/sc/worker-pool.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { runProgram } from "../support/program.ts";

const FUNCTIONS = new URL("./fixtures/worker-functions.ts", import.meta.url);
const BROKEN = new URL("./fixtures/worker-broken.ts", import.meta.url);

/** Cells as in the fixture. */
const [INSIDE, MOST, OPEN] = [0, 1, 2];

function newGate(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(12));
}

function open(gate: Int32Array): void {
  Atomics.store(gate, OPEN, 1);
  Atomics.notify(gate, OPEN);
}

function* until(condition: () => boolean) {
  while (!condition()) yield* macrotasks(1);
}

/** Time that passes by hand. */
function handClock(): PoolClock & { pass(ms: number): void } {
  let time = 0;
  let timers: { readonly at: number; readonly fn: () => void }[] = [];
  return {
    now: () => time,
    after: (ms, fn) => timers.push({ at: time + ms, fn }),
    pass(ms) {
      for (const end = time + ms; time < end; ) {
        time++;
        const due = timers.filter((timer) => timer.at <= time);
        timers = timers.filter((timer) => timer.at > time);
        for (const timer of due) timer.fn();
      }
    },
  };
}

const isEntered = (gate: Int32Array, count = 1) => until(() => Atomics.load(gate, INSIDE) === count);

/** All warnings of one type from now on, until the test's end. */
function* useWarnings(type: string, body: (warnings: Error[]) => Generator) {
  const warnings: Error[] = [];
  const listen = (warning: Error) => {
    if (warning.name === type) warnings.push(warning);
  };
  process.on("warning", listen);
  try {
    yield* body(warnings);
  } finally {
    process.off("warning", listen);
  }
}

/** The census, for threads too: idle ones end, and with them whatever their TypeScript loader has started. */
function useThreadCensus(): void {
  useCensus();
  afterEach(async () => {
    defaultPool.endIdle();
    await run(() => until(() => defaultPool.size === 0));
    expect(defaultWorkerLimiter().borrowedTokens).toBe(0);
  });
}

const call = (func: string, args: readonly unknown[] = [], options?: RunInWorkerOptions) =>
  runInWorker<unknown>(FUNCTIONS, func, args, options);

describe("runInWorker", () => {
  useThreadCensus();

  it("returns what the function returns, or what its promise gives", function* () {
    expect(yield* call("add", [1, 2])).toBe(3);
    expect(yield* call("addLater", [1, 2])).toBe(3);
  });

  it("takes what the function posts by itself for nothing of its own", function* () {
    expect(yield* call("postsItself")).toBe("done");
  });

  it("tells of arguments that could be cloned only at the second try", function* () {
    let tries = 0;
    const fickle = {
      get it() {
        if (tries++ === 0) throw new Error("not yet");
        return 1;
      },
    };
    expect(yield* errorOf(call("add", [fickle, 1]))).toMatchObject({ name: "WorkerCloneError", what: "arguments" });
  });

  it("runs functions of Node's own modules", function* () {
    const packed = yield* runInWorker<typeof import("node:zlib"), "deflateSync">("node:zlib", "deflateSync", ["aaaa"]);
    expect(Buffer.from(yield* runInWorker<Uint8Array>("node:zlib", "inflateSync", [packed])).toString()).toBe("aaaa");
  });

  it("infers arguments and result from the module's type", function* () {
    type Functions = typeof import("./fixtures/worker-functions.ts");
    const sum: number = yield* runInWorker<Functions, "addLater">(FUNCTIONS, "addLater", [1, 2]);
    expect(sum).toBe(3);
    // @ts-expect-error an argument of another type
    runInWorker<Functions, "add">(FUNCTIONS, "add", [1, "2"]);
    // @ts-expect-error no function
    runInWorker<Functions, "notAFunction">(FUNCTIONS, "notAFunction", []);
  });

  it("sees and sets the environment of the process, as it is at the call", function* () {
    yield* call("setVariable", ["ESPALIER_TEST_WORKER", "set"]);
    expect(process.env.ESPALIER_TEST_WORKER).toBe("set");
    delete process.env.ESPALIER_TEST_WORKER;
  });

  it("works in a task of Effection's own, whose halt waits for the function", async () => {
    expect(await runEffection(() => call("add", [1, 2]))).toBe(3);
    const gate = newGate();
    const task = runEffection(() => call("passGate", [gate, 0]));
    task.catch(() => {});
    await runEffection(function* () {
      while (Atomics.load(gate, INSIDE) === 0) yield* sleepInEffection(0);
    });
    let isHalted = false;
    const halt = task.halt().then(() => {
      isHalted = true;
    });
    await new Promise(setImmediate);
    expect(isHalted).toBe(false);
    open(gate);
    await halt;
  });
});

describe("an error thrown in a worker", () => {
  useThreadCensus();

  it("keeps class, name, message, stack, cause and data", function* () {
    const error = yield* errorOf(call("refuseOdd", [3]));
    expect(error).toBeInstanceOf(RangeError);
    if (!(error instanceof RangeError)) return;
    expect(error.name).toBe("OddNumber");
    expect(error.message).toBe("3 is odd");
    const lines = readFileSync(FUNCTIONS, "utf8").split("\n");
    const line = lines.findIndex((text) => text.includes("throw new OddNumber")) + 1;
    expect(error.stack).toMatch(new RegExp(`refuseOdd.*worker-functions\\.ts:${line}:`));
    expect({ ...error }).toEqual({
      code: "ERR_ODD",
      number: 3,
      callback: expect.stringContaining("not relayed"),
      first: new TypeError("nested"),
    });
    expect(error.cause).toEqual(new TypeError("not even"));
    expect(error.cause).toMatchObject({ cause: "arithmetic" });
  });

  it.each([
    ["Error", Error],
    ["URIError", URIError],
    ["EvalError", EvalError],
    ["ReferenceError", ReferenceError],
    ["AggregateError", AggregateError],
    ["ExceptionGroup", ExceptionGroup],
    ["DOMException", DOMException],
  ] as const)("is a %s again", function* (name, type) {
    const error = yield* errorOf(call("throwBuiltIn", [name]));
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ message: name, name: name === "DOMException" ? "AbortError" : name });
    // Ours have it as a field.
    expect(Object.keys(error as object)).toEqual(name === "ExceptionGroup" ? ["name"] : []);
    if (error instanceof AggregateError) expect(error.errors).toEqual([new SyntaxError("a"), "b"]);
  });

  it("keeps its value if it is no error", function* () {
    for (const value of [undefined, null, 0, "text", { a: [1] }]) {
      let thrown: unknown = "nothing";
      try {
        yield* call("throwValue", [value]);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toEqual(value);
    }
  });

  it("may be its own cause", function* () {
    const error = yield* errorOf(call("throwRing"));
    expect((error as Error).cause).toMatchObject({ message: "the other half", cause: error });
  });

  it("keeps a bounded number of causes, and says that there were more", function* () {
    let error = yield* errorOf(call("throwChain", [10_000]));
    let count = 0;
    for (; error instanceof Error; error = error.cause) count++;
    expect(count).toBe(MAX_RELAYED_ERRORS);
    expect(error).toBe(`[not relayed: Error: ${9_999 - MAX_RELAYED_ERRORS}]`);
  });

  it("may have properties that cannot be read", function* () {
    expect(yield* errorOf(call("throwUnreadable"))).toMatchObject({
      message: "unreadable",
      secret: expect.stringContaining("not to be read"),
    });
  });
});

describe("a call that cannot be made", () => {
  useThreadCensus();

  it("says that the module cannot be imported, and why", function* () {
    const missing = new URL("./fixtures/worker-missing.ts", import.meta.url);
    expect(yield* errorOf(runInWorker(missing, "add", []))).toMatchObject({
      name: "WorkerImportError",
      url: missing.href,
      cause: { code: "ERR_MODULE_NOT_FOUND" },
    });
    const broken = yield* errorOf(runInWorker(BROKEN, "add", []));
    expect(broken).toBeInstanceOf(WorkerImportError);
    expect(broken).toMatchObject({ cause: new RangeError("broken on purpose") });
  });

  it("is refused at once if the URL is not absolute", () => {
    expect(() => runInWorker("./fixtures/worker-functions.ts", "add", [])).toThrow(/must be absolute/);
    expect(() => runInWorker("effection", "add", [])).toThrow(TypeError);
  });

  it("says that there is no such export, or that it is no function", function* () {
    for (const [func, why] of [
      ["subtract", "is not exported"],
      ["toString", "is not exported"],
      ["notAFunction", "is no function but number"],
    ] as const) {
      const error = yield* errorOf(call(func));
      expect(error).toBeInstanceOf(FunctionNotFound);
      expect(error).toMatchObject({ func, namespace: FUNCTIONS.href, message: expect.stringContaining(why) });
    }
  });

  it("says which argument cannot be copied", function* () {
    const error = yield* errorOf(call("add", [1, () => {}], { name: "adding" }));
    expect(error).toBeInstanceOf(WorkerCloneError);
    expect(error).toMatchObject({ what: "argument 1", call: "adding", cause: { name: "DataCloneError" } });
    expect((error as Error).message).toMatch(/^adding: argument 1 cannot be passed/);
    expect(defaultWorkerLimiter().borrowedTokens).toBe(0);
    expect(yield* call("add", [1, 2])).toBe(3);
  });

  it("says that the result or the thrown value cannot be copied", function* () {
    expect(yield* errorOf(call("returnFunction"))).toMatchObject({ name: "WorkerCloneError", what: "result" });
    expect(yield* errorOf(call("throwFunction"))).toMatchObject({ name: "WorkerCloneError", what: "thrown value" });
    expect(yield* call("add", [1, 2])).toBe(3);
  });
});

describe("cancelling a call", () => {
  useThreadCensus();

  it("before it has a token, or on arrival, never calls the function", function* () {
    const limiter = new CapacityLimiter(0);
    for (const onCancel of ["wait", "abandon", "terminate"] as const) {
      const gate = newGate();
      const scope = new CancelScope();
      yield* openNursery(function* (n) {
        n.startSoon(() => scope.run(() => call("passGate", [gate, 0], { limiter, onCancel })));
        yield* until(() => limiter.statistics().tasksWaiting === 1);
        scope.cancel();
      });
      expect(scope.cancelledCaught).toBe(true);
      expect(limiter.statistics()).toMatchObject({ tasksWaiting: 0, borrowedTokens: 0 });

      const early = new CancelScope();
      early.cancel();
      yield* early.run(() => call("passGate", [gate, 0], { onCancel }));
      expect(early.cancelledCaught).toBe(true);
      expect(Atomics.load(gate, MOST)).toBe(0);
    }
    expect(defaultWorkerLimiter().borrowedTokens).toBe(0);
  });

  it("wait: waits for the function; its result counts, and the next checkpoint is cancelled", function* () {
    const gate = newGate();
    const scope = new CancelScope();
    const log: unknown[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(() =>
        scope.run(function* () {
          log.push(yield* call("passGate", [gate, "result"]));
          yield* checkpoint();
          log.push("not reached");
        }),
      );
      yield* isEntered(gate);
      scope.cancel();
      yield* macrotasks();
      expect(log).toEqual([]);
      open(gate);
    });
    expect(log).toEqual(["result"]);
    expect(scope.cancelledCaught).toBe(true);
  });

  it("wait: an error of the function counts too", function* () {
    const gate = newGate();
    const scope = new CancelScope();
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        expect(yield* errorOf(scope.run(() => call("failAtGate", [gate])))).toEqual(new Error("failed at the gate"));
      });
      yield* isEntered(gate);
      scope.cancel();
      open(gate);
    });
    expect(scope.cancelledCaught).toBe(false);
  });

  it("abandon: cancels at once; the function goes on and keeps its token until it ends", function* () {
    const gate = newGate();
    const limiter = new CapacityLimiter(1);
    const scope = new CancelScope();
    yield* openNursery(function* (n) {
      n.startSoon(() => scope.run(() => call("passGate", [gate, 0], { limiter, onCancel: "abandon", name: "gate" })));
      yield* isEntered(gate);
      scope.cancel();
    });
    expect(scope.cancelledCaught).toBe(true);
    expect(Atomics.load(gate, INSIDE)).toBe(1);
    expect(limiter.statistics()).toMatchObject({ borrowedTokens: 1, borrowers: [{ name: "gate" }] });
    open(gate);
    expect(yield* call("add", [1, 2], { limiter })).toBe(3);
    expect(Atomics.load(gate, INSIDE)).toBe(0);
  });

  it("abandon: a late error is a warning of the process", function* () {
    yield* useWarnings("WorkerAbandoned", function* (warnings) {
      const gate = newGate();
      const limiter = new CapacityLimiter(1);
      const scope = new CancelScope();
      yield* openNursery(function* (n) {
        n.startSoon(() => scope.run(() => call("failAtGate", [gate], { limiter, onCancel: "abandon", name: "gate" })));
        yield* isEntered(gate);
        scope.cancel();
      });
      expect(warnings).toEqual([]);
      open(gate);
      yield* until(() => warnings.length > 0);
      expect(limiter.borrowedTokens).toBe(0);
      expect(warnings).toMatchObject([
        { message: expect.stringContaining("gate failed"), detail: expect.stringContaining("failed at the gate") },
      ]);
    });
  });

  it("terminate: ends the thread and is cancelled when that has gone", function* () {
    const pool = new WorkerPool({ maxIdle: () => 1, idleMs: 0 });
    const limiter = new CapacityLimiter(1);
    const gate = newGate();
    const scope = new CancelScope();
    yield* openNursery(function* (n) {
      n.startSoon(() =>
        scope.run(function* () {
          const error = yield* errorOf(
            callIn(pool, FUNCTIONS, "passGate", [gate, 0], { limiter, onCancel: "terminate" }),
          );
          expect(error).toBeInstanceOf(Cancelled);
          expect(pool.size).toBe(0);
          expect(limiter.borrowedTokens).toBe(0);
          throw error;
        }),
      );
      yield* isEntered(gate);
      scope.cancel();
      expect(pool.size).toBe(1);
    });
    expect(scope.cancelledCaught).toBe(true);
  });

  it("terminate: a result that was there already is returned", function* () {
    const gate = newGate();
    const scope = new CancelScope();
    yield* call("add", [1, 2]);
    const results: unknown[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(() =>
        scope.run(function* () {
          results.push(yield* call("openWhenAnswered", [gate, "result"], { onCancel: "terminate" }));
        }),
      );
      yield* until(() => defaultWorkerLimiter().borrowedTokens === 1);
      // This thread reads no messages meanwhile.
      Atomics.wait(gate, OPEN, 0);
      scope.cancel();
    });
    expect(results).toEqual(["result"]);
  });
});

describe("worker threads", () => {
  useThreadCensus();

  it("are as many at once as the limiter has tokens", function* () {
    const limiter = new CapacityLimiter(2);
    const gate = newGate();
    yield* openNursery(function* (n) {
      for (let i = 0; i < 5; i++) n.startSoon(() => call("passGate", [gate, i], { limiter }));
      yield* isEntered(gate, 2);
      expect(limiter.statistics()).toMatchObject({ borrowedTokens: 2, tasksWaiting: 3 });
      open(gate);
    });
    expect(Atomics.load(gate, MOST)).toBe(2);
    expect(limiter.borrowedTokens).toBe(0);
  });

  it("are by default as many as the machine runs at once", () => {
    expect(defaultWorkerLimiter().totalTokens).toBe(DEFAULT_WORKER_TOKENS);
    expect(DEFAULT_WORKER_TOKENS).toBe(availableParallelism());
    expect(WORKER_IDLE_MS).toBeGreaterThan(0);
  });

  it("are used again", function* () {
    const threads = new Set<unknown>();
    for (let i = 0; i < 10; i++) threads.add(yield* call("whichThread"));
    expect(threads.size).toBe(1);
  });

  it("are kept idle in a bounded number", function* () {
    const pool = new WorkerPool({ maxIdle: () => 1, idleMs: 60_000 });
    const gate = newGate();
    yield* openNursery(function* (n) {
      for (let i = 0; i < 2; i++) n.startSoon(() => callIn(pool, FUNCTIONS, "passGate", [gate, i]));
      yield* isEntered(gate, 2);
      expect(pool.size).toBe(2);
      open(gate);
    });
    expect(pool.idle).toBe(1);
    yield* until(() => pool.size === 1);
    pool.endIdle();
    yield* until(() => pool.size === 0);
  });

  it("end when they have been idle for long, and no sooner", function* () {
    const clock = handClock();
    const pool = new WorkerPool({ maxIdle: () => 2, idleMs: 5, clock });
    yield* callIn(pool, FUNCTIONS, "add", [1, 2]);
    clock.pass(4);
    yield* callIn(pool, FUNCTIONS, "add", [1, 2]);
    clock.pass(4);
    expect([pool.size, pool.idle]).toEqual([1, 1]);
    clock.pass(1);
    expect(pool.idle).toBe(0);
    yield* until(() => pool.size === 0);
  });

  it("end with the host's time if they are given no other", function* () {
    const pool = new WorkerPool({ maxIdle: () => 2, idleMs: 5 });
    yield* callIn(pool, FUNCTIONS, "add", [1, 2]);
    yield* until(() => pool.size === 0);
    expect(pool.idle).toBe(0);
  });

  it("that end take only their own call with them", function* () {
    const gate = newGate();
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        expect(yield* call("passGate", [gate, "untouched"])).toBe("untouched");
      });
      yield* isEntered(gate);
      const error = yield* errorOf(call("exitWith", [7], { name: "leaving" }));
      expect(error).toBeInstanceOf(WorkerDied);
      expect(error).toMatchObject({ exitCode: 7, call: "leaving", message: expect.stringContaining("exit code 7") });
      open(gate);
    });
    expect(defaultWorkerLimiter().borrowedTokens).toBe(0);
    expect(yield* call("add", [1, 2])).toBe(3);
  });

  it("that end by an error nobody caught say which", function* () {
    expect(yield* errorOf(call("failAside"))).toMatchObject({ name: "WorkerDied", cause: new Error("thrown aside") });
  });

  it("that run out of memory end alone", function* () {
    const resourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };
    const pool = new WorkerPool({ maxIdle: () => 1, idleMs: 0, resourceLimits });
    expect(yield* errorOf(callIn(pool, FUNCTIONS, "fillMemory", []))).toMatchObject({
      name: "WorkerDied",
      cause: { code: "ERR_WORKER_OUT_OF_MEMORY" },
    });
    expect(yield* callIn(pool, FUNCTIONS, "add", [1, 2])).toBe(3);
    yield* until(() => pool.size === 0);
  });

  it("report an error of what a function has left in them", function* () {
    yield* useWarnings("WorkerLeftBehind", function* (warnings) {
      yield* call("leaveFailure", [], { name: "careless" });
      yield* until(() => warnings.length > 0);
      expect(warnings).toMatchObject([
        { message: expect.stringContaining("careless"), detail: expect.stringContaining("left behind") },
      ]);
      expect(yield* call("add", [1, 2])).toBe(3);
    });
  });

  it("that end before they took up a call leave it to another", function* () {
    const gate = newGate();
    yield* call("leaveExit", [gate]);
    yield* isEntered(gate);
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        expect(yield* call("add", [1, 2])).toBe(3);
      });
      yield* until(() => defaultWorkerLimiter().borrowedTokens === 1);
      open(gate);
    });
  });

  it("neither keep a program alive nor lose what was printed in them", async () => {
    const end = await runProgram("tests/sc/fixtures/worker-program.ts");
    expect(end).toMatchObject({ code: 0, stderr: "" });
    expect(end.stdout.split("\n").sort()).toEqual(["", "3", "said in the worker"]);
  });

  it("load TypeScript if the process does", () => {
    const url = /^file:.*\/tsx\/dist\/esm\/api\/index\.mjs$/;
    expect(typeScriptLoader(["--import", "tsx"])).toMatch(url);
    expect(typeScriptLoader(["--import=tsx/esm"])).toMatch(url);
    expect(typeScriptLoader(["--import", import.meta.resolve?.("tsx") ?? "tsx"])).toMatch(url);
    expect(typeScriptLoader(["--enable-source-maps", "--import", "./other.mjs", "--import"])).toBeUndefined();
  });
});
