/** Effects and iterators as nobody in Effection writes them, but as its protocol allows: what a task makes of each. */
import { type Coroutine, type Effect, type Operation, run as runInEffection, scoped, until, useScope } from "effection";
import { Cancelled } from "../../core/errors/mod.ts";
import {
  CancelScope,
  cancelShieldedCheckpoint,
  checkpoint,
  Event,
  moveOnAfter,
  openNursery,
  park,
  sleepForever,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf } from "./outcomes.ts";

/** Perform one hand-written effect. */
function* perform<T>(enter: Effect<T>["enter"]): Operation<T> {
  return (yield { description: "by hand", enter }) as T;
}

/** An operation that performs `operation`'s effects and has neither `throw` nor `return`. */
function nextOnly<T>(operation: Operation<T>): Operation<T> {
  return {
    [Symbol.iterator]() {
      const iterator = operation[Symbol.iterator]();
      return { next: (value?: unknown) => iterator.next(value) };
    },
  };
}

describe("a body whose iterator has only next()", () => {
  it("runs, and is cancelled like any other", function* () {
    const scope = yield* openNursery(function* (n) {
      n.startSoon(() => nextOnly(checkpoint()));
      n.startSoon(() => nextOnly(sleepForever()));
      yield* waitAllTasksBlocked();
      expect(n.childTasks.size).toBe(1);
      n.cancelScope.cancel();
      return n.cancelScope;
    });
    expect(scope.cancelledCaught).toBe(true);
  });

  it("unwound in return mode it has ended", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(() =>
        nextOnly(
          perform<void>((_resolve, routine) => {
            setImmediate(() => routine.unwind());
            return (done) => {
              log.push("undone");
              done({ ok: true, value: undefined });
            };
          }),
        ),
      );
    });
    expect(log).toEqual(["undone"]);
  });
});

describe("an effect", () => {
  it("whose undo throws fails with that, where it stood", function* () {
    const error = yield* outcomeOf(
      moveOnAfter(0, () =>
        perform(() => () => {
          throw new TypeError("undo");
        }),
      ),
    );
    expect(error).toEqual(new TypeError("undo"));
  });

  it("that throws after it has resolved has happened", function* () {
    const value = yield* perform<string>((resolve) => {
      resolve({ ok: true, value: "happened" });
      throw new TypeError("too late");
    });
    expect(value).toBe("happened");
  });

  it("that resolves twice has its first result", function* () {
    const value = yield* perform<string>((resolve) => {
      resolve({ ok: true, value: "first" });
      resolve({ ok: true, value: "second" });
      return (done) => done({ ok: true, value: undefined });
    });
    expect(value).toBe("first");
  });

  it("that keeps its routine cannot unwind a task that has ended", function* () {
    let kept: Coroutine | undefined;
    let ends = 0;
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        yield* perform<void>((resolve, routine) => {
          kept = routine;
          resolve({ ok: true, value: undefined });
          return (done) => done({ ok: true, value: undefined });
        });
        ends++;
      });
      yield* waitAllTasksBlocked();
      kept?.unwind();
      yield* cancelShieldedCheckpoint();
      expect(n.childTasks.size).toBe(0);
    });
    expect(ends).toBe(1);
  });

  it("fails with what was thrown, out of the box that Effection has for what is no error", function* () {
    const thrown = { no: "error" };
    const work = async () => {
      throw thrown;
    };
    expect(yield* outcomeOf(until(work()))).toBe(thrown);
    expect(yield* outcomeOf(scoped(() => until(work())))).toBe(thrown);
  });

  it("fails with a user's error that is named like that box, as it is", function* () {
    const error = Object.assign(new Error("mine"), { name: "ThrownValueError" });
    expect(
      yield* outcomeOf(
        perform((resolve) => {
          resolve({ ok: false, error });
          return (done) => done({ ok: true, value: undefined });
        }),
      ),
    ).toBe(error);
  });

  it("that asks for its task's scope amid a step of Effection's own is told so", function* () {
    const asked: unknown[] = [];
    const above = yield* useScope();
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        yield* perform<void>((resolve, routine) => {
          void above.run(function* () {
            try {
              asked.push(routine.scope);
            } catch (error) {
              asked.push(error);
            }
          });
          resolve({ ok: true, value: undefined });
          return (done) => done({ ok: true, value: undefined });
        });
      });
    });
    expect(asked).toEqual([expect.objectContaining({ message: expect.stringContaining("amid a step") })]);
  });
});

describe("a nursery unwound in return mode", () => {
  it("when all its tasks have ended goes on unwinding at once", function* () {
    const log: string[] = [];
    const error = yield* outcomeOf(
      scoped(function* () {
        const scope = yield* useScope();
        try {
          yield* openNursery(function* () {
            void scope.run(function* () {
              yield* waitAllTasksBlocked();
              throw new TypeError("raw");
            });
            yield* sleepForever();
          });
          log.push("not reached");
        } finally {
          log.push("unwound");
        }
      }),
    );
    expect(error).toEqual(new TypeError("raw"));
    expect(log).toEqual(["unwound"]);
  });
});

describe("a parked wait whose abort throws", () => {
  const refuse = () => {
    throw new TypeError("cannot be taken back");
  };

  it("has failed with that; who cancelled does not hear of it, and the others are cancelled", function* () {
    const scope = new CancelScope();
    const seen: unknown[] = [];
    const never = new Event();
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        seen.push(
          yield* outcomeOf(
            scope.run(() =>
              openNursery(function* (inner) {
                inner.startSoon(function* () {
                  seen.push(yield* outcomeOf(park("stubborn", () => refuse)));
                });
                inner.startSoon(() => never.wait());
              }),
            ),
          ),
        );
      });
      yield* waitAllTasksBlocked();
      scope.cancel();
    });
    expect(seen).toEqual([new TypeError("cannot be taken back"), undefined]);
    expect(scope.cancelledCaught).toBe(true);
    expect(never.statistics().tasksWaiting).toBe(0);
  });

  it("in an Effection task fails the halt", async () => {
    const task = runInEffection(() => park("stubborn", () => refuse));
    await Promise.resolve();
    await expect(task.halt()).rejects.toThrow("cannot be taken back");
  });

  it("that changes its scope's shield is cancelled all the same, for the reason that was given", function* () {
    const inner = new CancelScope();
    const outer = new CancelScope();
    const seen: unknown[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(() =>
        outer.run(() =>
          inner.run(function* () {
            const arrange = () => () => {
              inner.shield = true;
              return true;
            };
            seen.push(yield* outcomeOf(park("test", arrange)));
          }),
        ),
      );
      yield* waitAllTasksBlocked();
      outer.cancel("for a reason");
    });
    expect(seen).toEqual([expect.objectContaining({ name: "Cancelled", reason: "for a reason" })]);
  });
});

describe("a task that has swallowed as many cancellations as come at once", () => {
  /** Afterwards they come by macrotask. */
  function* swallow() {
    for (let i = 0; i < 64; i++) expect(yield* outcomeOf(sleepForever())).toBeInstanceOf(Cancelled);
  }

  it("keeps what settles before the next one comes, and that one comes at the next wait", function* () {
    const scope = new CancelScope();
    const seen: unknown[] = [];
    yield* scope.run(function* () {
      scope.cancel();
      yield* swallow();
      seen.push(yield* until(Promise.resolve("happened")));
      yield* sleepForever();
    });
    expect(seen).toEqual(["happened"]);
    expect(scope.cancelledCaught).toBe(true);
  });

  it("enters the wait after all, if the cancellation is kept away from it by then", function* () {
    const outer = new CancelScope();
    const inner = new CancelScope();
    const log: string[] = [];
    yield* outer.run(() =>
      inner.run(function* () {
        outer.cancel();
        yield* swallow();
        queueMicrotask(() => {
          inner.shield = true;
        });
        yield* checkpoint();
        log.push("went on");
      }),
    );
    expect(log).toEqual(["went on"]);
  });

  it("has a clean slate in the next scope", function* () {
    for (const turn of [1, 2]) {
      const scope = new CancelScope();
      yield* scope.run(function* () {
        scope.cancel();
        yield* swallow();
        const settled = until(Promise.resolve(turn));
        if (turn === 1) return;
        expect(yield* settled).toBe(turn);
      });
    }
  });
});

describe("a parked wait in an Effection task that is halted", () => {
  it.each([
    ["says yes", true, false],
    ["has been woken by the question", false, true],
  ])("does not hold the halt up if it %s", async (_what, answer, wakes) => {
    let asked = 0;
    const task = runInEffection(() =>
      park<void>("test", (waker) => () => {
        asked++;
        if (wakes) waker.wake();
        return answer;
      }),
    );
    await Promise.resolve();
    await task.halt();
    expect(asked).toBe(1);
  });
});
