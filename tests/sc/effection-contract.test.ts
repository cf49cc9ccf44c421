/**
 * What `core/sc/task.ts` relies on of Effection beyond its documentation. `Effect` and `Coroutine` are exported but not
 * promised; when a test here fails under a new version, the executor needs a look before the peer range is widened.
 */
import { readFileSync } from "node:fs";
import type { Coroutine, Effect, Operation, Result } from "effection";
import * as newest from "effection";
import * as oldest from "effection-4.1.0";
import { describe, expect, it } from "../support/it.ts";

/** Every release of the peer range, by the name it is installed under here. */
const RELEASES = [
  { name: "effection", version: "4.1.1", effection: newest },
  // The types of two releases are not one another's, because of private names; what is used of them is the same.
  { name: "effection-4.1.0", version: "4.1.0", effection: oldest as unknown as typeof newest },
] as const;

function manifestOf(name: string): { version: string } {
  return JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), "utf8"));
}

/** Perform `effect` in a coroutine of Effection's and give what came of it. */
function* perform<T>(effect: Effect<T>): Operation<T> {
  return (yield effect) as T;
}

/** A stand-in for the routine that records what an effect touches of it. */
function recording(scope: unknown) {
  const touched = new Set<string>();
  const data = new Proxy({ critical: false } as Record<PropertyKey, unknown>, {
    get: (it, key) => {
      touched.add(`data.${String(key)}`);
      return it[key];
    },
    set: (it, key, value) => {
      touched.add(`data.${String(key)}=`);
      it[key] = value;
      return true;
    },
  });
  const state: Record<PropertyKey, unknown> = { scope, data, unwind: () => touched.add("unwind()") };
  const routine = new Proxy(state, {
    get: (it, key) => {
      if (key !== "data" && key !== "unwind") touched.add(String(key));
      return it[key];
    },
    set: (it, key, value) => {
      touched.add(`${String(key)}=`);
      it[key] = value;
      return true;
    },
  });
  return { routine: routine as unknown as Coroutine, touched };
}

/** Drive `operation` by hand, as our executor does, until it waits or ends. */
function drive(operation: Operation<unknown>, routine: Coroutine): Result<unknown> | "waits" {
  const iterator = operation[Symbol.iterator]();
  let result: Result<unknown> = { ok: true, value: undefined };
  for (;;) {
    const step = result.ok ? iterator.next(result.value) : iterator.throw?.(result.error);
    if (step === undefined || step.done) return { ok: true, value: step?.value };
    let settled: Result<unknown> | undefined;
    step.value.enter((r: Result<unknown>) => {
      settled ??= r;
    }, routine);
    if (settled === undefined) return "waits";
    result = settled;
  }
}

it("the peer range is the releases that are tried here", () => {
  const { peerDependencies } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    peerDependencies: Record<string, string>;
  };
  expect(peerDependencies.effection).toBe(">=4.1.0 <4.2");
});

describe.each(RELEASES)("Effection $version", ({ name, version, effection }) => {
  const { action, createScope, Err, ensure, Ok, resource, run, scoped, spawn, suspend, unbox, until, useScope } =
    effection;

  it("is what is installed under that name", () => {
    expect(manifestOf(name).version).toBe(version);
  });

  it("an operation yields effects: { description, enter(resolve, routine) } with an undo that calls back", () => {
    const step = action<number>((resolve) => {
      resolve(1);
      return () => {};
    }, "named")
      [Symbol.iterator]()
      .next();
    expect(step.done).toBe(false);
    const effect = step.value as Effect<number>;
    expect(effect.description).toBe("do <named>");
    const results: unknown[] = [];
    const undo = effect.enter((r) => results.push(r), recording(undefined).routine);
    expect(results).toEqual([Ok(1)]);
    undo((r) => results.push(r));
    expect(results).toEqual([Ok(1), Ok()]);
  });

  it("the iterator of an action gives what it was resolved with last, whatever it is resumed with", () => {
    let resolve: (value: string) => void = () => {};
    const iterator = action<string>((it) => {
      resolve = it;
      return () => {};
    })[Symbol.iterator]();
    const effect = iterator.next().value as Effect<string>;
    effect.enter(() => {}, recording(undefined).routine);
    resolve("first");
    resolve("second");
    expect(iterator.next("ignored")).toEqual({ done: true, value: "second" });
  });

  it.each([
    ["useScope", () => useScope(), ["scope"]],
    ["suspend", () => suspend(), []],
    ["spawn", () => spawn(function* () {}), ["scope"]],
    ["ensure", () => ensure(() => {}), ["scope"]],
    [
      "resource",
      () =>
        resource(function* (provide) {
          yield* provide(1);
        }),
      ["scope"],
    ],
    [
      "scoped",
      () =>
        scoped(function* () {
          return 1;
        }),
      ["data.critical", "data.critical=", "scope", "scope="],
    ],
  ])(
    "%s touches of its routine what we provide, and nothing else",
    async (_name, make: () => Operation<unknown>, allowed) => {
      const scope = createScope();
      const { routine, touched } = recording(scope);
      drive(make(), routine);
      expect([...touched].filter((key) => !allowed.includes(key))).toEqual([]);
      const [, destroy] = scope;
      await destroy();
    },
  );

  it("createScope(parent) is iterable as [scope, destroy], and inherits", async () => {
    const [scope, destroy] = createScope(createScope());
    expect(typeof scope.run).toBe("function");
    await destroy();
  });

  it("`ensure` runs before a scope is destroyed that was made earlier in the same scope", async () => {
    const log: string[] = [];
    await run(() =>
      scoped(function* () {
        const home = createScope(yield* useScope());
        home
          .run(function* () {
            try {
              yield* suspend();
            } finally {
              log.push("home");
            }
          })
          .catch(() => {});
        yield* ensure(() => {
          log.push("ensure");
        });
        yield* until(Promise.resolve());
      }),
    );
    expect(log).toEqual(["ensure", "home"]);
  });

  it("an unwinding step is return(); an error step clears the unwinding and throws", async () => {
    const log: string[] = [];
    const task = run(function* () {
      try {
        yield* perform({
          description: "test",
          enter: () => (done) => done(Err(new Error("undo failed"))),
        });
      } catch (error) {
        log.push(`caught ${(error as Error).message}`);
      } finally {
        log.push("finally");
      }
      log.push("went on");
    });
    await task.halt().catch(() => {});
    expect(log).toEqual(["caught undo failed", "finally", "went on"]);
  });

  it("halting waits for an undo that calls back later", async () => {
    const log: string[] = [];
    const task = run(() =>
      perform({
        description: "test",
        enter: () => (done) => {
          setImmediate(() => {
            log.push("undone");
            done(Ok());
          });
        },
      }),
    );
    await task.halt();
    expect(log).toEqual(["undone"]);
  });

  it("scope.run() starts its task before it returns, unless Effection itself is on the stack", () => {
    let began = false;
    createScope()
      .run(function* () {
        began = true;
      })
      .catch(() => {});
    expect(began).toBe(true);
  });

  it("halting a task gives its teardown's error to who halts, and raises it nowhere", async () => {
    const log: string[] = [];
    await run(function* () {
      const scope = yield* useScope();
      const task = scope.run(function* () {
        try {
          yield* scoped(function* () {
            yield* ensure(() => {
              throw new Error("teardown");
            });
            yield* suspend();
          });
        } catch (error) {
          log.push((error as Error).message);
        }
      });
      yield* until(Promise.resolve());
      yield* task.halt();
      log.push("not raised");
    });
    expect(log).toEqual(["teardown", "not raised"]);
  });

  it("boxes thrown non-errors in a Result, and unbox throws them as they were", () => {
    const boxed = Err("text" as unknown as Error);
    expect(boxed.ok).toBe(false);
    expect(() => unbox(boxed)).toThrow("text");
  });
});
