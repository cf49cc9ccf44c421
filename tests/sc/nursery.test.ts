import { scoped, spawn, suspend, useScope } from "effection";
import { Cancelled, isCancelled } from "../../core/errors/mod.ts";
import { ExceptionGroup } from "../../core/exception-group.ts";
import {
  CancelScope,
  checkpoint,
  Event,
  moveOnAfter,
  type Nursery,
  named,
  openNursery,
  shielded,
  sleep,
  sleepForever,
  type TaskStatus,
  useVirtualClock,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf } from "./outcomes.ts";

class Boom extends Error {}

function* fail(message = "boom") {
  throw new Boom(message);
}

/** The messages of the leaves of the group that `operation` throws. */
function* failuresOf(operation: ReturnType<typeof openNursery<unknown>>) {
  const error = yield* outcomeOf(operation);
  if (!(error instanceof ExceptionGroup)) throw new Error(`expected a group, got ${String(error)}`);
  return error.leaves().map((e) => (e instanceof Error ? e.message : e));
}

describe("openNursery", () => {
  it("returns what its body returned, after every task has ended", function* () {
    const log: string[] = [];
    const value = yield* openNursery(function* (n) {
      n.startSoon(function* () {
        for (let i = 0; i < 3; i++) yield* checkpoint();
        log.push("child");
      });
      log.push("body");
      return 42;
    });
    expect(value).toBe(42);
    expect(log).toEqual(["body", "child"]);
  });

  it("tasks take turns with the body, first come first served", function* () {
    const log: string[] = [];
    const three = function* (who: string) {
      for (let i = 0; i < 3; i++) {
        log.push(who);
        yield* checkpoint();
      }
    };
    yield* openNursery(function* (n) {
      n.startSoon(three, "c");
      yield* three("p");
    });
    expect(log.join("")).toBe("pcpcpc");
  });

  it("gives one group also for one error, of a task or of the body", function* () {
    expect(yield* failuresOf(openNursery(() => fail("body")))).toEqual(["body"]);
    expect(
      yield* failuresOf(
        openNursery(function* (n) {
          n.startSoon(fail, "task");
        }),
      ),
    ).toEqual(["task"]);
  });

  it("B15 B21 cancels the others when one fails, and loses no error of them nor of the body", function* () {
    const log: string[] = [];
    const failures = yield* failuresOf(
      openNursery(function* (n) {
        n.startSoon(fail, "first");
        n.startSoon(fail, "second");
        n.startSoon(function* () {
          try {
            yield* sleepForever();
          } finally {
            log.push("healthy one unwound");
          }
        });
        n.startSoon(function* () {
          try {
            yield* sleepForever();
          } finally {
            yield* fail("clean-up");
          }
        });
        try {
          yield* sleepForever();
        } finally {
          yield* fail("body");
        }
      }),
    );
    expect(failures.sort()).toEqual(["body", "clean-up", "first", "second"]);
    expect(log).toEqual(["healthy one unwound"]);
  });

  it.each([undefined, null, 0, "text", Number.NaN])("keeps a thrown %s as it is", function* (thrown) {
    expect(
      yield* failuresOf(
        openNursery(function* (n) {
          n.startSoon(function* () {
            throw thrown;
          });
          yield* sleepForever();
        }),
      ),
    ).toEqual([thrown]);
  });

  it("cancels all tasks at once: their clean-up overlaps in time", function* () {
    const clock = yield* useVirtualClock({ autojump: true });
    yield* openNursery(function* (n) {
      for (let i = 0; i < 100; i++) {
        n.startSoon(function* () {
          try {
            yield* sleepForever();
          } finally {
            yield* shielded(() => sleep(20));
          }
        });
      }
      yield* waitAllTasksBlocked();
      n.cancelScope.cancel();
    });
    expect(clock.now()).toBe(20);
  });

  it("the body's own catch does not see the failure of a task; the block throws it", function* () {
    const seen: unknown[] = [];
    const failures = yield* failuresOf(
      openNursery(function* (n) {
        n.startSoon(fail);
        try {
          yield* sleepForever();
        } catch (error) {
          seen.push(isCancelled(error));
          throw error;
        }
      }),
    );
    expect(seen).toEqual([true]);
    expect(failures).toEqual(["boom"]);
  });

  it("cancelled by its own scope it returns in good order, and the scope tells", function* () {
    const scope = yield* openNursery(function* (n) {
      n.startSoon(sleepForever);
      n.cancelScope.cancel("enough");
      return n.cancelScope;
    });
    expect(scope.cancelledCaught).toBe(true);
    expect(scope.cancelCause).toMatchObject({ source: "cancel", reason: "enough" });
  });

  it("cancelled from outside and nothing wrong, it throws the bare Cancelled and no group", function* () {
    let seen: unknown;
    yield* moveOnAfter(0, function* () {
      try {
        yield* openNursery(function* (n) {
          n.startSoon(sleepForever);
          n.startSoon(sleepForever);
        });
      } catch (error) {
        seen = error;
        throw error;
      }
    });
    expect(seen).toBeInstanceOf(Cancelled);
  });

  it("leaving the block is not a checkpoint, with and without tasks", function* () {
    const scope = new CancelScope();
    const log: string[] = [];
    yield* scope.run(function* () {
      yield* openNursery(function* (n) {
        n.startSoon(function* () {
          log.push("task ran");
        });
        scope.cancel();
      });
      log.push("left");
      yield* openNursery(function* () {});
      log.push("left again");
    });
    expect(log).toEqual(["task ran", "left", "left again"]);
    expect(scope.cancelledCaught).toBe(false);
  });

  it("a task started in a nursery that is cancelled still runs to its first checkpoint", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.cancelScope.cancel();
      n.startSoon(function* () {
        log.push("began");
        yield* checkpoint();
        log.push("not reached");
      });
    });
    expect(log).toEqual(["began"]);
  });

  it("tasks can be started from tasks and callbacks, also after the body has ended, until the last one ends", function* () {
    const log: string[] = [];
    let nursery: Nursery | undefined;
    yield* openNursery(function* (n) {
      nursery = n;
      n.startSoon(function* () {
        yield* waitAllTasksBlocked();
        queueMicrotask(() => {
          n.startSoon(function* () {
            log.push("late");
          });
        });
        yield* waitAllTasksBlocked();
      });
    });
    expect(log).toEqual(["late"]);
    expect(nursery?.closed).toBe(true);
    expect(() => nursery?.startSoon(fail)).toThrow(/cannot start "fail".*has closed/);
  });

  it("tells whose it is, and refuses by name what comes too late", function* () {
    const nursery = yield* openNursery(function* (n) {
      n.startSoon(function* inner() {});
      expect([...n.childTasks].map((task) => task.name)).toEqual(["inner"]);
      return n;
    });
    expect(nursery.parentTask.name).toContain("tells whose it is");
    expect(() => nursery.startSoon(() => checkpoint())).toThrow(/cannot start "anonymous"/);
    expect(yield* outcomeOf(nursery.start(sleepForever))).toMatchObject({
      message: expect.stringMatching(/has closed/),
    });
  });

  it("has a deadline and a shield of its own, if it is given them", function* () {
    const clock = yield* useVirtualClock({ autojump: true });
    yield* openNursery(sleepForever, { timeout: 10 });
    expect(clock.now()).toBe(10);
    const log: string[] = [];
    yield* moveOnAfter(5, () =>
      openNursery(
        function* () {
          yield* sleep(20);
          log.push("shielded");
        },
        { shield: true },
      ),
    );
    expect(log).toEqual(["shielded"]);
    expect(clock.now()).toBe(30);
  });

  it("startSoon never runs a task inside the caller", function* () {
    yield* openNursery(function* (n) {
      let ran = false;
      n.startSoon(function* () {
        ran = true;
      });
      expect(ran).toBe(false);
      yield* checkpoint();
      expect(ran).toBe(true);
    });
  });

  it("a failure in a nested nursery comes out as a group in a group", function* () {
    const error = yield* outcomeOf(
      openNursery(function* (outer) {
        outer.startSoon(() =>
          openNursery(function* (inner) {
            inner.startSoon(fail);
          }),
        );
      }),
    );
    expect(error).toMatchObject({ errors: [{ errors: [expect.any(Boom)] }] });
  });

  it("a task that leaves with a Cancelled of another tree has failed, and is not taken for cancelled", function* () {
    const stray = new Cancelled({ source: "cancel", reason: "elsewhere" });
    const error = yield* outcomeOf(
      openNursery(function* (n) {
        n.startSoon(function* () {
          throw stray;
        });
      }),
    );
    expect(error).toMatchObject({ errors: [{ cause: stray }] });
  });

  it("the cause names who failed, and reaches the cancelled tasks", function* () {
    let seen: Cancelled | undefined;
    yield* outcomeOf(
      openNursery(function* (n) {
        n.startSoon(function* () {
          try {
            yield* sleepForever();
          } catch (error) {
            if (isCancelled(error)) seen = error;
            throw error;
          }
        });
        n.startSoon(named("worker 7", fail));
      }),
    );
    expect(seen).toMatchObject({ source: "nursery", canceller: "worker 7", cause: expect.any(Boom) });
  });

  it("10,000 cancelled tasks share one error", function* () {
    const seen = new Set<unknown>();
    let count = 0;
    yield* openNursery(function* (n) {
      for (let i = 0; i < 10_000; i++) {
        n.startSoon(function* () {
          try {
            yield* sleepForever();
          } catch (error) {
            count++;
            seen.add(error);
            throw error;
          }
        });
      }
      yield* waitAllTasksBlocked();
      n.cancelScope.cancel();
    });
    expect(count).toBe(10_000);
    expect(seen.size).toBe(1);
  });

  it("10,000 nurseries, each in a task of the one before, end when the outermost is cancelled", function* () {
    let depth = 0;
    let unwound = 0;
    function* nest(level: number): ReturnType<typeof openNursery<void>> {
      depth = Math.max(depth, level);
      try {
        yield* openNursery(function* (n) {
          if (level < 10_000) n.startSoon(nest, level + 1);
          yield* sleepForever();
        });
      } finally {
        unwound++;
      }
    }
    yield* openNursery(function* (n) {
      n.startSoon(nest, 1);
      yield* waitAllTasksBlocked();
      n.cancelScope.cancel();
    });
    expect(depth).toBe(10_000);
    expect(unwound).toBe(10_000);
  });

  it("an error below 10,000 nurseries comes out of all of them, in as many groups", function* () {
    function* nest(level: number): ReturnType<typeof openNursery<void>> {
      yield* openNursery(function* (n) {
        if (level === 10_000) throw new Boom("deep");
        n.startSoon(nest, level + 1);
        yield* sleepForever();
      });
    }
    const error = yield* outcomeOf(nest(1));
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).leaves()).toEqual([expect.any(Boom)]);
    expect((error as ExceptionGroup).holdsCancelled).toBe(false);
  });

  it("200,000 scopes under one are cancelled without overflowing the stack", function* () {
    let unwound = 0;
    const outer = new CancelScope();
    yield* outer.run(function* () {
      yield* openNursery(function* (n) {
        for (let i = 0; i < 200_000; i++) {
          n.startSoon(function* () {
            yield* new CancelScope().run(sleepForever);
            unwound++;
          });
        }
        yield* waitAllTasksBlocked();
        outer.cancel();
      });
    });
    expect(unwound).toBe(0);
    expect(outer.cancelledCaught).toBe(true);
  }, 30_000);
});

describe("Nursery.start", () => {
  it("returns the value of started(), and the task goes on in the nursery", function* () {
    const log: string[] = [];
    const go = new Event();
    yield* openNursery(function* (n) {
      const port = yield* n.start(function* (status: TaskStatus<number>, base: number) {
        status.started(base + 1);
        yield* go.wait();
        log.push("served");
      }, 8_000);
      expect(port).toBe(8_001);
      expect(n.childTasks.size).toBe(1);
      go.set();
    });
    expect(log).toEqual(["served"]);
  });

  it("a task that fails before started() throws at the caller, bare, and spares the nursery", function* () {
    yield* openNursery(function* (n) {
      const error = yield* outcomeOf(n.start(() => fail("no port")));
      expect(error).toBeInstanceOf(Boom);
      expect(n.cancelScope.cancelCalled).toBe(false);
    });
  });

  it("a task that ends without started() is an error at the caller", function* () {
    yield* openNursery(function* (n) {
      expect(yield* outcomeOf(n.start(function* server() {}))).toMatchObject({
        message: 'task "server" ended without calling started()',
      });
    });
  });

  it("a task that takes the cancellation of its caller, and ends without started(), is no other error", function* () {
    const scope = new CancelScope();
    yield* scope.run(() =>
      openNursery(function* (n) {
        yield* n.start(function* server() {
          scope.cancel();
          try {
            yield* sleepForever();
          } catch (error) {
            expect(isCancelled(error)).toBe(true);
          }
        });
      }),
    );
    expect(scope.cancelledCaught).toBe(true);
  });

  it("a second started() throws in the task", function* () {
    const failures = yield* failuresOf(
      openNursery(function* (n) {
        yield* n.start(function* (status: TaskStatus<void>) {
          status.started();
          status.started();
        });
      }),
    );
    expect(failures).toEqual(["started() was called twice"]);
  });

  it("a failure right after started() belongs to the nursery, and start still returns", function* () {
    const log: unknown[] = [];
    const failures = yield* failuresOf(
      openNursery(function* (n) {
        log.push(
          yield* n.start(function* (status: TaskStatus<string>) {
            status.started("up");
            throw new Boom("then down");
          }),
        );
        yield* sleepForever();
      }),
    );
    expect(log).toEqual(["up"]);
    expect(failures).toEqual(["then down"]);
  });

  it("cancelling the caller cancels a task that has not started, and not one that has", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      yield* moveOnAfter(0, () =>
        n.start(function* () {
          try {
            yield* sleepForever();
          } finally {
            log.push("not started: unwound");
          }
        }),
      );
      const caller = new CancelScope();
      yield* caller.run(function* () {
        yield* n.start(function* (status: TaskStatus<void>) {
          status.started();
          for (let i = 0; i < 5; i++) yield* checkpoint();
          log.push("started: went on");
        });
        caller.cancel();
        yield* checkpoint();
      });
      expect(caller.cancelledCaught).toBe(true);
    });
    expect(log).toEqual(["not started: unwound", "started: went on"]);
  });

  it("once the caller is cancelled started() moves nothing", function* () {
    yield* openNursery(function* (n) {
      const caller = new CancelScope();
      yield* caller.run(() =>
        n.start(function* (status: TaskStatus<void>) {
          caller.cancel();
          status.started();
          expect(n.childTasks.size).toBe(0);
          yield* sleepForever();
        }),
      );
      expect(caller.cancelledCaught).toBe(true);
      expect(n.cancelScope.cancelCalled).toBe(false);
    });
  });

  it("a task that calls started() inside a scope of its own moves with the scope", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      const caller = new CancelScope();
      yield* caller.run(function* () {
        const inner = yield* n.start(function* (status: TaskStatus<CancelScope>) {
          const scope = new CancelScope();
          yield* scope.run(function* () {
            status.started(scope);
            yield* sleepForever();
          });
          log.push(`inner caught: ${scope.cancelledCaught}`);
          yield* sleepForever();
        });
        caller.cancel();
        inner.cancel();
        yield* checkpoint();
      });
      expect(caller.cancelledCaught).toBe(true);
      yield* waitAllTasksBlocked();
      expect(log).toEqual(["inner caught: true"]);
      n.cancelScope.cancel();
    });
  });

  it("a task that calls started() several scopes deep moves with all of them", function* () {
    const log: string[] = [];
    const go = new Event();
    const [outer, inner] = [new CancelScope(), new CancelScope()];
    yield* openNursery(function* (n) {
      const caller = new CancelScope();
      yield* caller.run(function* () {
        yield* n.start(function* (status: TaskStatus<void>) {
          yield* outer.run(() =>
            inner.run(function* () {
              status.started();
              yield* go.wait();
              log.push("spared");
              yield* sleepForever();
            }),
          );
          log.push("left both");
        });
        caller.cancel();
        yield* checkpoint();
      });
      go.set();
      yield* waitAllTasksBlocked();
      outer.cancel();
    });
    expect(log).toEqual(["spared", "left both"]);
    expect([outer.cancelledCaught, inner.cancelledCaught]).toEqual([true, false]);
  });

  it("a started() that comes after the task has ended moves nothing", function* () {
    yield* openNursery(function* (n) {
      let late = () => {};
      const error = yield* outcomeOf(
        n.start(function* (status: TaskStatus<void>) {
          late = status.started;
        }),
      );
      expect(error).toMatchObject({ message: expect.stringContaining("without calling started()") });
      late();
      expect(n.childTasks.size).toBe(0);
    });
  });

  it("a task that calls started() inside a nursery of its own takes that nursery's tasks along", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      const caller = new CancelScope();
      yield* caller.run(function* () {
        yield* n.start(function* (status: TaskStatus<void>) {
          yield* openNursery(function* (own) {
            own.startSoon(function* () {
              yield* waitAllTasksBlocked();
              log.push("grandchild went on");
            });
            yield* checkpoint();
            status.started();
          });
        });
        caller.cancel();
        yield* checkpoint();
      });
    });
    expect(log).toEqual(["grandchild went on"]);
  });

  it("started() from a callback, into a nursery that was cancelled: the waiting task is cancelled", function* () {
    let started = () => {};
    const scope = yield* openNursery(function* (n) {
      n.cancelScope.cancel();
      yield* shielded(() =>
        openNursery(function* (own) {
          own.startSoon(() =>
            n.start(function* (status: TaskStatus<void>) {
              started = status.started;
              yield* sleepForever();
            }),
          );
          yield* waitAllTasksBlocked();
          started();
        }),
      );
      return n.cancelScope;
    });
    expect(scope.cancelledCaught).toBe(true);
  });

  it("into a nursery that was cancelled: the task starts, and finds out at its next checkpoint", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.cancelScope.cancel();
      log.push(
        String(
          yield* shielded(() =>
            n.start(function* (status: TaskStatus<string>) {
              yield* checkpoint();
              status.started("up");
              try {
                yield* checkpoint();
              } catch (error) {
                log.push(isCancelled(error) ? "cancelled" : "?");
                throw error;
              }
            }),
          ),
        ),
      );
    });
    expect(log).toEqual(["up", "cancelled"]);
  });

  it("keeps the nursery open while it waits", function* () {
    const log: string[] = [];
    yield* openNursery(function* (outer) {
      yield* openNursery(function* (n) {
        outer.startSoon(function* () {
          yield* n.start(function* (status: TaskStatus<void>) {
            yield* waitAllTasksBlocked();
            status.started();
            log.push("started");
          });
        });
        yield* checkpoint();
      });
      log.push("nursery left");
    });
    expect(log).toEqual(["started", "nursery left"]);
  });

  it("what the task keeps in Effection's tree lasts as long as the task, not as its caller", function* () {
    const log: string[] = [];
    const go = new Event();
    yield* openNursery(function* (n) {
      yield* openNursery(function* (callers) {
        callers.startSoon(function* () {
          yield* useScope();
          yield* n.start(function* (status: TaskStatus<void>) {
            yield* spawn(function* () {
              try {
                yield* suspend();
              } finally {
                log.push("resource gone");
              }
            });
            status.started();
            yield* go.wait();
            log.push("task done");
          });
        });
      });
      log.push("caller gone");
      go.set();
    });
    expect(log).toEqual(["caller gone", "task done", "resource gone"]);
  });

  it("works from an Effection task, into a nursery of ours", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      const foreign = yield* spawn(function* () {
        return yield* n.start(function* (status: TaskStatus<string>) {
          status.started("value");
          yield* waitAllTasksBlocked();
          log.push("went on");
        });
      });
      expect(yield* foreign).toBe("value");
      yield* foreign.halt();
      expect(log).toEqual([]);
    });
    expect(log).toEqual(["went on"]);
  });
});

describe("unwound in return mode", () => {
  it("a nursery ends its tasks when a raw Effection sibling fails within scoped, and the scope throws", function* () {
    const log: string[] = [];
    const error = yield* outcomeOf(
      scoped(function* () {
        yield* spawn(function* () {
          yield* waitAllTasksBlocked();
          throw new Boom("raw");
        });
        try {
          yield* openNursery(function* (n) {
            n.startSoon(function* () {
              try {
                yield* sleepForever();
              } finally {
                yield* shielded(() => waitAllTasksBlocked());
                log.push("task unwound");
              }
            });
            yield* sleepForever();
          });
          log.push("not reached");
        } finally {
          log.push("frame unwound");
        }
        log.push("not reached either");
      }),
    );
    expect(error).toBeInstanceOf(Boom);
    expect(log).toEqual(["task unwound", "frame unwound"]);
    yield* checkpoint();
  });

  it("a raw sibling that fails amid a step undoes the wait that follows", function* () {
    const never = new Event();
    const error = yield* outcomeOf(
      scoped(function* () {
        const scope = yield* useScope();
        void scope.run(() => fail("at once"));
        yield* never.wait();
      }),
    );
    expect(error).toBeInstanceOf(Boom);
    expect(never.statistics().tasksWaiting).toBe(0);
  });
});
