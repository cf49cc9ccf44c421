import { AsyncLocalStorage } from "node:async_hooks";
import { action, call, ensure, type Operation, resource, scoped, spawn, suspend, until, useScope } from "effection";
import type { ExceptionGroup } from "../../core/exception-group.ts";
import {
  CancelScope,
  cancelShieldedCheckpoint,
  checkpoint,
  Event,
  moveOnAfter,
  openMemoryChannel,
  openNursery,
  ParkingLot,
  park,
  run,
  sleepForever,
  type Waker,
  waitAllTasksBlocked,
  watchTasks,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf, withResolvers } from "./outcomes.ts";

/** Ends when the host has had `turns` turns of timers, unless `body` keeps it from having any. */
function* whileTimersTick(turns: number, body: (isOver: () => boolean) => Operation<unknown>): Operation<void> {
  let ticks = 0;
  yield* openNursery(function* (n) {
    const tick = () => {
      if (++ticks === turns) n.cancelScope.cancel();
      else setTimeout(tick, 0);
    };
    setTimeout(tick, 0);
    n.startSoon(body, () => ticks >= turns);
  });
  expect(ticks).toBe(turns);
}

describe("fairness: timers get their turn", () => {
  const alreadySet = new Event();
  alreadySet.set();

  it.each([
    ["checkpoints", () => checkpoint()],
    ["schedule points", () => cancelShieldedCheckpoint()],
    ["Effection's actions that resolve at once", () => action<void>(resolveAtOnce)],
    ["promises that are resolved", () => until(Promise.resolve())],
    ["async functions", () => call(async () => {})],
    ["events that are set", () => alreadySet.wait()],
  ] as const)("amid an endless chain of %s", function* (_name, step: () => Operation<void>) {
    yield* whileTimersTick(3, function* (isOver) {
      while (!isOver()) yield* step();
    });
  });

  it("amid two tasks that never wait for anything but each other", function* () {
    const [ping, pong] = [openMemoryChannel<number>(0), openMemoryChannel<number>(0)];
    yield* whileTimersTick(3, () =>
      openNursery(function* (n) {
        n.startSoon(function* () {
          for (;;) {
            yield* ping[0].send(1);
            yield* pong[1].receive();
          }
        });
        for (;;) {
          yield* ping[1].receive();
          yield* pong[0].send(1);
        }
      }),
    );
  });

  it("while a task swallows its cancellation, of which it is warned once", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => {
      if (warning.name === "CancelledSwallowed") warnings.push(warning);
    };
    process.on("warning", onWarning);
    let swallowed = 0;
    await run(() =>
      moveOnAfter(0, function* () {
        let ticks = 0;
        const tick = () => {
          if (++ticks < 3) setTimeout(tick, 0);
        };
        setTimeout(tick, 0);
        while (ticks < 3) {
          try {
            yield* sleepForever();
          } catch {
            swallowed++;
          }
        }
      }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", onWarning);
    expect(swallowed).toBeGreaterThan(64);
    expect(warnings.length).toBe(1);
  });

  function resolveAtOnce(resolve: () => void): () => void {
    resolve();
    return () => {};
  }
});

describe("AsyncLocalStorage", () => {
  it("follows the task that was started, and not whoever wakes it", async () => {
    const store = new AsyncLocalStorage<string>();
    const log: unknown[] = [];
    const wake = new Event();
    await store.run("root", () =>
      run(function* () {
        yield* openNursery(function* (n) {
          store.run("child", () => {
            n.startSoon(function* () {
              log.push(store.getStore());
              yield* wake.wait();
              log.push(store.getStore());
              yield* until(Promise.resolve());
              log.push(store.getStore());
              yield* action<void>((resolve) => {
                log.push(store.getStore());
                resolve();
                return () => {};
              });
              yield* call(async () => {
                log.push(store.getStore());
              });
            });
          });
          yield* waitAllTasksBlocked();
          store.run("waker", () => wake.set());
          log.push(store.getStore());
        });
      }),
    );
    expect(log).toEqual(["child", "root", "child", "child", "child", "child"]);
  });
});

describe("the delivery rule", () => {
  it("an operation that completes at once is not a place to be cancelled", function* () {
    const scope = new CancelScope();
    const log: string[] = [];
    yield* scope.run(function* () {
      scope.cancel();
      log.push(
        yield* action<string>((resolve) => {
          resolve("happened");
          return () => log.push("undone");
        }),
      );
      yield* suspend();
    });
    expect(log).toEqual(["undone", "happened"]);
    expect(scope.cancelledCaught).toBe(true);
  });

  it("an operation that has settled is not cancelled by what comes in the same turn", function* () {
    const scope = new CancelScope();
    const settle = withResolvers<(value: string) => void>();
    const got: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(() =>
        scope.run(function* () {
          got.push(
            yield* action<string>((resolve) => {
              settle.resolve(resolve);
              return () => {};
            }),
          );
        }),
      );
      const resolve = yield* until(settle.promise);
      resolve("value");
      scope.cancel();
    });
    expect(got).toEqual(["value"]);
    expect(scope.cancelledCaught).toBe(false);
  });

  it("a cancelled operation is undone before the Cancelled is thrown", function* () {
    const log: string[] = [];
    yield* moveOnAfter(0, function* () {
      try {
        yield* action(() => () => log.push("undone"));
      } catch (error) {
        log.push("thrown");
        throw error;
      }
    });
    expect(log).toEqual(["undone", "thrown"]);
  });

  it("an undo that throws is what the operation throws, on settling and on cancelling", function* () {
    const bad = () => {
      throw new TypeError("undo");
    };
    expect(
      yield* outcomeOf(
        action<void>((resolve) => {
          setImmediate(resolve);
          return bad;
        }),
      ),
    ).toBeInstanceOf(TypeError);
    expect(yield* outcomeOf(moveOnAfter(0, () => action(() => bad)))).toBeInstanceOf(TypeError);
  });

  it("an operation whose entry throws throws that, with thrown non-errors as they are", function* () {
    expect(
      yield* outcomeOf(
        park("test", () => {
          throw undefined;
        }),
      ),
    ).toBeUndefined();
    expect(
      yield* outcomeOf(
        action(() => {
          throw "text";
        }),
      ),
    ).toBe("text");
  });

  it("a resolver that is called late, after another wait has begun, changes nothing", function* () {
    let late: (value: string) => void = () => {};
    yield* moveOnAfter(0, () =>
      action<string>((resolve) => {
        late = resolve;
        return () => {};
      }),
    );
    const once = yield* action<string>((resolve) => {
      setImmediate(() => {
        late("late");
        resolve("once");
      });
      return () => {};
    });
    expect(once).toBe("once");
    expect(yield* until(Promise.resolve("next"))).toBe("next");
  });
});

describe("resources of Effection in a task", () => {
  it("are gone before the task has ended, whatever its end", function* () {
    const log: string[] = [];
    const useLogged = (name: string) =>
      resource<void>(function* (provide) {
        yield* ensure(function* () {
          yield* waitAllTasksBlocked();
          log.push(name);
        });
        yield* provide();
      });
    yield* outcomeOf(
      openNursery(function* (n) {
        yield* openNursery(function* (inner) {
          inner.startSoon(function* () {
            yield* useLogged("returned");
          });
        });
        log.push("left");
        n.startSoon(function* () {
          yield* useLogged("cancelled");
          yield* sleepForever();
        });
        yield* waitAllTasksBlocked();
        n.startSoon(function* () {
          yield* useLogged("failed");
          throw new Error("x");
        });
      }),
    );
    expect(log.slice(0, 2)).toEqual(["returned", "left"]);
    expect(log.slice(2).sort()).toEqual(["cancelled", "failed"]);
  });

  it("an error of the body and one of the teardown both come out", function* () {
    const error = yield* outcomeOf(
      openNursery(function* (n) {
        n.startSoon(function* () {
          yield* ensure(() => {
            throw new TypeError("teardown");
          });
          throw new RangeError("body");
        });
      }),
    );
    expect((error as ExceptionGroup).leaves()).toEqual([new RangeError("body"), new TypeError("teardown")]);
  });

  it("a raw Effection task that fails takes its own task down, and the nursery hears of it", function* () {
    const log: string[] = [];
    const error = yield* outcomeOf(
      openNursery(function* (n) {
        n.startSoon(function* () {
          yield* spawn(function* () {
            yield* waitAllTasksBlocked();
            throw new TypeError("raw");
          });
          try {
            yield* sleepForever();
          } finally {
            log.push("owner unwound");
          }
        });
        n.startSoon(function* () {
          try {
            yield* sleepForever();
          } finally {
            log.push("sibling cancelled");
          }
        });
      }),
    );
    expect((error as ExceptionGroup).leaves()).toEqual([new TypeError("raw")]);
    expect(log).toEqual(["owner unwound", "sibling cancelled"]);
  });

  it("an Effection task started in a task is not one of ours, and is halted at the end of it", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        yield* spawn(function* () {
          try {
            yield* sleepForever();
          } finally {
            log.push("halted");
          }
        });
        yield* checkpoint();
      });
    });
    expect(log).toEqual(["halted"]);
  });

  it("scoped() ends what was started in it, and the task goes on in its own scope", function* () {
    const before = yield* useScope();
    const inside = yield* scoped(useScope);
    expect(inside).not.toBe(before);
    expect(yield* useScope()).toBe(before);
  });
});

describe("park", () => {
  it("gives what it is woken with, or throws what it is failed with; the first counts", function* () {
    const wakers: Waker<string>[] = [];
    const arrange = (waker: Waker<string>) => {
      setImmediate(() => {
        waker.wake("woken");
        waker.fail(new Error("late"));
      });
      wakers.push(waker);
      return () => true;
    };
    expect(yield* park("test", arrange)).toBe("woken");
    for (const waker of wakers) waker.wake("much later");
    expect(
      yield* outcomeOf(
        park("test", (waker) => {
          waker.fail(new TypeError("at once"));
          return () => true;
        }),
      ),
    ).toBeInstanceOf(TypeError);
  });

  it("asks on cancellation, and goes on if the answer is no", function* () {
    const scope = new CancelScope();
    let asked = 0;
    const value = yield* scope.run(() =>
      park<string>("stubborn", (waker) => {
        setImmediate(() => {
          scope.cancel();
          setImmediate(() => waker.wake("finished all the same"));
        });
        return () => {
          asked++;
          return false;
        };
      }),
    );
    expect(value).toBe("finished all the same");
    expect(asked).toBe(1);
    expect(scope.cancelledCaught).toBe(false);
  });

  it("an abort that wakes has let the wait happen", function* () {
    const scope = new CancelScope();
    const value = yield* scope.run(() =>
      park<string>("test", (waker) => {
        setImmediate(() => scope.cancel());
        return () => {
          waker.wake("in time");
          return true;
        };
      }),
    );
    expect(value).toBe("in time");
    expect(scope.cancelledCaught).toBe(false);
  });

  it("in an Effection task that is halted it asks too, and the halt waits if the answer is no", function* () {
    const log: string[] = [];
    let waker: Waker<void> | undefined;
    const task = yield* spawn(function* () {
      try {
        yield* park<void>("stubborn", (it) => {
          waker = it;
          return () => {
            log.push("asked");
            return false;
          };
        });
      } finally {
        log.push("unwound");
      }
    });
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        yield* task.halt();
        log.push("halted");
      });
      yield* waitAllTasksBlocked();
      expect(log).toEqual(["asked"]);
      waker?.wake();
    });
    expect(log).toEqual(["asked", "unwound", "halted"]);
  });
});

describe("ParkingLot and Event", () => {
  it("a lot wakes as many as it is told, who waited longest, and forgets who is cancelled", function* () {
    const lot = new ParkingLot();
    const log: number[] = [];
    const second = new CancelScope();
    yield* openNursery(function* (n) {
      for (const i of [1, 2, 3, 4]) {
        n.startSoon(function* () {
          const park = function* () {
            yield* lot.park();
            log.push(i);
          };
          yield* i === 2 ? second.run(park) : park();
        });
      }
      yield* waitAllTasksBlocked();
      second.cancel();
      expect(lot.unpark(2)).toBe(2);
      yield* waitAllTasksBlocked();
      expect(log).toEqual([1, 3]);
      expect(lot.unparkAll()).toBe(1);
      expect(lot.unpark()).toBe(0);
    });
    expect(log).toEqual([1, 3, 4]);
  });

  it("an event wakes all who wait, in order, and stays set", function* () {
    const event = new Event();
    const log: number[] = [];
    yield* openNursery(function* (n) {
      for (const i of [1, 2, 3]) {
        n.startSoon(function* () {
          yield* event.wait();
          log.push(i);
        });
      }
      yield* waitAllTasksBlocked();
      expect(event.statistics().tasksWaiting).toBe(3);
      event.set();
      event.set();
    });
    expect(log).toEqual([1, 2, 3]);
    expect(event.isSet).toBe(true);
    yield* event.wait();
  });
});

describe("watching", () => {
  it("a task is spawned, scheduled, blocked and exits; cancelled scopes are told", async () => {
    const log: string[] = [];
    const stop = watchTasks({
      taskSpawned: (task, parent) => log.push(`spawned ${task.name} by ${parent?.name}`),
      taskBlocked: (task, on) => log.push(`${task.name} waits for ${on}`),
      taskExited: (task) => log.push(`exited ${task.name}`),
      scopeCancelled: (cause) => log.push(`cancelled: ${cause.reason}`),
    });
    await run(
      function* () {
        yield* openNursery(function* (n) {
          n.startSoon(function* child() {
            yield* sleepForever();
          });
          yield* checkpoint();
          n.cancelScope.cancel("enough");
        });
      },
      { name: "main" },
    );
    stop();
    expect(log).toEqual([
      "spawned main by undefined",
      "spawned child by main",
      "child waits for sleepForever()",
      "cancelled: enough",
      expect.stringMatching(/^main waits for end of nursery/),
      "exited child",
      "exited main",
      expect.stringMatching(/^cancelled: the surrounding/),
    ]);
  });

  it("a task that has ended is done, and waits for nothing", function* () {
    yield* openNursery(function* (n) {
      n.startSoon(function* () {});
      const [task] = n.children;
      expect(task?.state).toBe("ready");
      yield* checkpoint();
      expect([task?.state, task?.waitsFor, task?.stack()]).toEqual(["done", undefined, undefined]);
    });
  });

  it("who stops watching after another has begun does not stop the other", function* () {
    const log: string[] = [];
    const stopFirst = watchTasks({ taskExited: () => log.push("first") });
    const stopSecond = watchTasks({ taskExited: () => log.push("second") });
    stopFirst();
    yield* openNursery(function* (n) {
      n.startSoon(function* () {});
    });
    expect(log).toEqual(["second"]);
    stopSecond();
  });

  it("a suspended task tells its yield* stack, as often as asked, and is not disturbed", function* () {
    function* innermost() {
      yield* sleepForever();
    }
    function* middle() {
      yield* moveOnAfter(60_000, innermost);
    }
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* asked() {
        try {
          yield* middle();
        } finally {
          log.push("unwound");
        }
      });
      yield* waitAllTasksBlocked();
      const [task] = n.children;
      const stack = task?.stack() ?? "";
      expect(stack.indexOf("innermost")).toBeGreaterThan(0);
      expect(stack.indexOf("middle")).toBeGreaterThan(stack.indexOf("innermost"));
      expect(stack.indexOf("asked")).toBeGreaterThan(stack.indexOf("middle"));
      expect(task?.stack()?.split("at Task.stack")[0]).toBe(stack.split("at Task.stack")[0]);
      expect([task?.state, task?.waitsFor]).toEqual(["waiting", "sleepForever()"]);
      expect(log).toEqual([]);
      n.cancelScope.cancel();
    });
    expect(log).toEqual(["unwound"]);
  });
});
