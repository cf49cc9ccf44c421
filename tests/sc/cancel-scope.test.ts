import { type Operation, suspend } from "effection";
import { Cancelled, isCancelled, TooSlowError } from "../../core/errors/mod.ts";
import { ExceptionGroup } from "../../core/exception-group.ts";
import { CancelStatus } from "../../core/sc/cancel-tree.ts";
import {
  CancelScope,
  cancelShieldedCheckpoint,
  checkpoint,
  checkpointIfCancelled,
  currentEffectiveDeadline,
  currentTime,
  Event,
  failAfter,
  failAt,
  moveOnAfter,
  moveOnAt,
  openNursery,
  shielded,
  sleep,
  sleepForever,
  useVirtualClock,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf } from "./outcomes.ts";

function* failCleanUp(): Operation<never> {
  throw new TypeError("clean-up");
}

/** What `operation` is stopped by, in a task of its own that runs beside the caller. */
function inBackground(n: { startSoon(fn: () => Operation<unknown>): void }, operation: Operation<unknown>): unknown[] {
  const seen: unknown[] = [];
  n.startSoon(function* () {
    try {
      seen.push(yield* operation);
    } catch (error) {
      seen.push(error);
      throw error;
    }
  });
  return seen;
}

describe("CancelScope", () => {
  it("takes its own Cancelled, and tells", function* () {
    const scope = new CancelScope();
    const value = yield* scope.run(function* (given) {
      expect(given).toBe(scope);
      scope.cancel("why");
      yield* checkpoint();
      return "not reached";
    });
    expect(value).toBeUndefined();
    expect([scope.cancelCalled, scope.cancelledCaught]).toEqual([true, true]);
    expect(scope.cancelCause?.reason).toBe("why");
  });

  it("a body that meets no checkpoint is not cancelled, though cancel was called", function* () {
    const scope = new CancelScope();
    expect(
      yield* scope.run(function* () {
        scope.cancel();
        return 1;
      }),
    ).toBe(1);
    expect([scope.cancelCalled, scope.cancelledCaught]).toEqual([true, false]);
  });

  it("is level-triggered: every checkpoint throws again until the scope is left", function* () {
    let thrown = 0;
    yield* moveOnAfter(0, function* () {
      for (let i = 0; i < 5; i++) {
        try {
          yield* sleepForever();
        } catch (error) {
          if (isCancelled(error)) thrown++;
        }
      }
      yield* checkpoint();
    });
    expect(thrown).toBe(5);
    yield* checkpoint();
  });

  it("passes the Cancelled of a scope further out, also if it is cancelled itself", function* () {
    const outer = new CancelScope();
    const inner = new CancelScope();
    yield* outer.run(function* () {
      yield* inner.run(function* () {
        inner.cancel();
        outer.cancel();
        yield* checkpoint();
      });
      expect.unreachable("outer is cancelled too");
    });
    expect([inner.cancelledCaught, outer.cancelledCaught]).toEqual([false, true]);
  });

  it("that is not cancelled passes a Cancelled that comes from elsewhere, bare and in a group", function* () {
    const [left, calm] = [new CancelScope(), new CancelScope()];
    const kept: unknown[] = [];
    yield* left.run(function* () {
      left.cancel();
      kept.push(yield* outcomeOf(checkpoint()));
    });
    const [stray] = kept;
    const thrown = new ExceptionGroup("strays", [stray]);
    const bare = yield* outcomeOf(
      calm.run(function* () {
        throw stray;
      }),
    );
    expect(bare).toBe(stray);
    expect(calm.cancelledCaught).toBe(false);
    const again = new CancelScope();
    const group = yield* outcomeOf(
      again.run(function* () {
        throw thrown;
      }),
    );
    expect(group).toBe(thrown);
    expect(again.cancelledCaught).toBe(false);
  });

  it("takes its own behind a shield while further out is cancelled as well", function* () {
    const outer = new CancelScope();
    const inner = new CancelScope({ shield: true });
    const log: string[] = [];
    yield* outer.run(function* () {
      outer.cancel();
      yield* inner.run(function* () {
        yield* checkpoint();
        log.push("shielded");
        inner.cancel();
        yield* checkpoint();
      });
      log.push("after inner");
      yield* checkpoint();
    });
    expect(log).toEqual(["shielded", "after inner"]);
    expect([inner.cancelledCaught, outer.cancelledCaught]).toEqual([true, true]);
  });

  it("an error on the way out passes, and cancelledCaught stays false", function* () {
    const scope = new CancelScope();
    const error = yield* outcomeOf(
      scope.run(function* () {
        scope.cancel();
        try {
          yield* checkpoint();
        } finally {
          yield* failCleanUp();
        }
      }),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(scope.cancelledCaught).toBe(false);
  });

  it("of a group it takes the Cancelleds, and throws the rest", function* () {
    const scope = new CancelScope();
    const error = yield* outcomeOf(
      scope.run(() =>
        openNursery(function* (n) {
          n.startSoon(sleepForever);
          n.startSoon(function* () {
            try {
              yield* sleepForever();
            } finally {
              yield* failCleanUp();
            }
          });
          yield* waitAllTasksBlocked();
          scope.cancel();
        }),
      ),
    );
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).leaves()).toEqual([new TypeError("clean-up")]);
    expect(scope.cancelledCaught).toBe(true);
  });

  it("of a group that holds nothing but Cancelleds nothing is left to throw", function* () {
    const scope = new CancelScope();
    yield* scope.run(function* () {
      scope.cancel();
      const cancelled = yield* outcomeOf(checkpoint());
      throw new ExceptionGroup("all cancelled", [cancelled, new ExceptionGroup("in turn", [cancelled])]);
    });
    expect(scope.cancelledCaught).toBe(true);
  });

  it("cancelled before it is entered, it cancels at the first checkpoint", function* () {
    const scope = new CancelScope();
    const log: string[] = [];
    scope.cancel();
    yield* scope.run(function* () {
      log.push("began");
      yield* checkpoint();
      log.push("not reached");
    });
    expect(log).toEqual(["began"]);
  });

  it("is entered once", function* () {
    const scope = new CancelScope();
    const run = scope.run(function* () {});
    yield* run;
    expect(yield* outcomeOf(run)).toMatchObject({ message: expect.stringContaining("entered once") });
    expect(
      yield* outcomeOf(
        new CancelScope().run(function* (itself) {
          yield* itself.run(checkpoint);
        }),
      ),
    ).toMatchObject({ message: expect.stringContaining("entered once") });
  });

  it("a second cancel changes nothing; the first cause stays", function* () {
    const scope = new CancelScope();
    scope.cancel("first");
    scope.cancel("second");
    expect(scope.cancelCause?.reason).toBe("first");
  });

  it("cancels from a callback, while everybody waits", function* () {
    const scope = new CancelScope();
    queueMicrotask(() => scope.cancel());
    yield* scope.run(sleepForever);
    expect(scope.cancelledCaught).toBe(true);
  });

  it.each([{ timeout: -1 }, { timeout: Number.NaN }, { deadline: Number.NaN }, { timeout: 1, deadline: 1 }])(
    "refuses %o",
    (options) => {
      expect(() => new CancelScope(options)).toThrow(RangeError);
    },
  );

  it("says who cancelled: the task that called", function* () {
    const scope = new CancelScope();
    yield* openNursery(function* (n) {
      n.startSoon(() => scope.run(sleepForever));
      n.startSoon(function* watchdog() {
        yield* checkpoint();
        scope.cancel();
      });
    });
    expect(scope.cancelCause?.canceller).toBe("watchdog");
  });
});

describe("shield", () => {
  it("keeps a cancellation away, for clean-up that waits", function* () {
    const clock = yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    yield* moveOnAfter(10, function* () {
      try {
        yield* sleepForever();
      } finally {
        yield* shielded(() => sleep(5));
        log.push(`cleaned up at ${clock.now()}`);
      }
    });
    expect(log).toEqual(["cleaned up at 15"]);
  });

  it("gives what its body returned, also undefined", function* () {
    expect(yield* shielded(function* () {})).toBeUndefined();
    expect(
      yield* shielded(function* () {
        return 1;
      }),
    ).toBe(1);
  });

  it("may be switched before the scope is entered", function* () {
    const outer = new CancelScope();
    const inner = new CancelScope();
    inner.shield = true;
    expect(inner.shield).toBe(true);
    yield* outer.run(() =>
      inner.run(function* () {
        outer.cancel();
        yield* checkpoint();
        inner.shield = false;
        yield* checkpoint();
        expect.unreachable();
      }),
    );
    expect([outer.cancelledCaught, inner.cancelledCaught]).toEqual([true, false]);
  });

  it("switched off while the task waits inside, it lets the cancellation through at once", function* () {
    yield* openNursery(function* (n) {
      const inner = new CancelScope({ shield: true });
      const seen = inBackground(n, inner.run(sleepForever));
      yield* waitAllTasksBlocked();
      n.cancelScope.cancel();
      yield* shielded(() => waitAllTasksBlocked());
      expect(seen).toEqual([]);
      inner.shield = false;
      yield* shielded(() => waitAllTasksBlocked());
      expect(seen).toEqual([expect.any(Cancelled)]);
      expect(inner.cancelledCaught).toBe(false);
    });
  });

  it("switched on before the cancellation comes it holds, and toggles as often as one likes", function* () {
    const outer = new CancelScope();
    const inner = new CancelScope();
    yield* outer.run(() =>
      inner.run(function* () {
        inner.shield = true;
        outer.cancel();
        yield* checkpoint();
        inner.shield = false;
        expect(yield* outcomeOf(checkpoint())).toBeInstanceOf(Cancelled);
        inner.shield = true;
        yield* checkpoint();
      }),
    );
    expect(outer.cancelledCaught).toBe(false);
  });
});

describe("deadlines", () => {
  it.each([
    ["moveOnAfter", (ms: number, body: () => Operation<unknown>) => moveOnAfter(ms, body)],
    ["moveOnAt", (ms: number, body: () => Operation<unknown>) => moveOnAt(ms, body)],
  ] as const)("%s gives undefined when the time is up first, else the value", function* (_name, bound) {
    const clock = yield* useVirtualClock({ autojump: true });
    expect(yield* bound(10, sleepForever)).toBeUndefined();
    expect(clock.now()).toBe(10);
    expect(
      yield* bound(20, function* () {
        yield* sleep(5);
        return "in time";
      }),
    ).toBe("in time");
    expect(clock.now()).toBe(15);
  });

  it.each([
    ["failAfter", (ms: number, body: () => Operation<unknown>) => failAfter(ms, body), 10],
    ["failAt", (ms: number, body: () => Operation<unknown>) => failAt(ms, body), undefined],
  ] as const)("%s throws TooSlowError when the time was up first", function* (_name, bound, timeoutMs) {
    yield* useVirtualClock({ autojump: true });
    const error = yield* outcomeOf(bound(10, sleepForever));
    expect(error).toBeInstanceOf(TooSlowError);
    expect(error).toMatchObject({ timeoutMs });
    expect(
      yield* bound(20, function* () {
        return 1;
      }),
    ).toBe(1);
  });

  it("a body that ends late without a checkpoint has ended: no TooSlowError", function* () {
    const value = yield* failAfter(0, function* () {
      return "late";
    });
    expect(value).toBe("late");
  });

  it("a deadline names itself as the cause, and nobody as the canceller", function* () {
    const scope = new CancelScope({ timeout: 0 });
    yield* scope.run(checkpoint);
    expect(scope.cancelCause).toEqual({ source: "deadline", reason: "deadline has passed" });
  });

  it("bounds are checked at the call", () => {
    expect(() => moveOnAfter(-1, sleepForever)).toThrow(RangeError);
    expect(() => failAfter(Number.NaN, sleepForever)).toThrow(RangeError);
    expect(() => failAt(Number.NaN, sleepForever)).toThrow(RangeError);
  });

  it("an operation with a bound can be stored and repeated", function* () {
    yield* useVirtualClock({ autojump: true });
    const bounded = moveOnAfter(5, sleepForever);
    yield* bounded;
    yield* bounded;
    expect(yield* currentTime()).toBe(10);
  });

  it("the outer of two deadlines at one moment takes it", function* () {
    yield* useVirtualClock({ autojump: true });
    const outer = new CancelScope({ timeout: 10 });
    const inner = new CancelScope({ timeout: 10 });
    yield* outer.run(() => inner.run(sleepForever));
    expect([outer.cancelledCaught, inner.cancelledCaught]).toEqual([true, false]);
  });

  it("moved while entered: later, earlier, into the past", function* () {
    const clock = yield* useVirtualClock();
    yield* openNursery(function* (n) {
      const scope = new CancelScope({ timeout: 10 });
      n.startSoon(() => scope.run(sleepForever));
      yield* waitAllTasksBlocked();
      scope.deadline = 100;
      yield* clock.advance(50);
      expect(scope.cancelCalled).toBe(false);
      expect(scope.relativeDeadline).toBe(50);
      scope.relativeDeadline = 5;
      yield* clock.advance(4);
      expect(scope.cancelCalled).toBe(false);
      yield* clock.advance(1);
      expect(scope.cancelledCaught).toBe(true);

      const past = new CancelScope();
      n.startSoon(() => past.run(sleepForever));
      yield* waitAllTasksBlocked();
      past.deadline = 1;
      yield* waitAllTasksBlocked();
      expect(past.cancelledCaught).toBe(true);
    });
  });

  it("moved before it is entered", function* () {
    yield* useVirtualClock({ autojump: true });
    const scope = new CancelScope({ timeout: 10 });
    scope.relativeDeadline = 3;
    yield* scope.run(sleepForever);
    expect(yield* currentTime()).toBe(3);
    const other = new CancelScope({ timeout: 10 });
    other.deadline = 5;
    yield* other.run(sleepForever);
    expect(yield* currentTime()).toBe(5);
  });

  it("moved later after it has passed, the scope stays cancelled", function* () {
    const scope = new CancelScope({ timeout: 0 });
    yield* scope.run(function* () {
      scope.deadline = Number.POSITIVE_INFINITY;
      yield* checkpoint();
    });
    expect(scope.cancelledCaught).toBe(true);
  });

  it("passed after the scope was left, it means nothing", function* () {
    const clock = yield* useVirtualClock();
    const scope = new CancelScope({ timeout: 10 });
    yield* scope.run(checkpoint);
    yield* clock.advance(20);
    expect(scope.cancelCalled).toBe(false);
    expect(clock.nextTimer).toBe(Number.POSITIVE_INFINITY);
  });

  it("passed while the task kept the thread, cancelCalled says so at once", function* () {
    const clock = yield* useVirtualClock();
    const scope = new CancelScope({ timeout: 10 });
    yield* scope.run(function* () {
      Object.defineProperty(clock, "now", { value: () => 10 });
      expect(scope.cancelCalled).toBe(true);
      expect(scope.cancelCause?.source).toBe("deadline");
    });
    expect(scope.cancelledCaught).toBe(false);
  });

  it("passed behind a shield and outside of it, only what is inside is cancelled there", function* () {
    const clock = yield* useVirtualClock();
    const outer = new CancelScope({ timeout: 10 });
    const inner = new CancelScope({ timeout: 10, shield: true });
    yield* outer.run(function* () {
      yield* inner.run(function* () {
        Object.defineProperty(clock, "now", { value: () => 10 });
        yield* checkpoint();
      });
      expect([inner.cancelledCaught, outer.cancelCause]).toEqual([true, undefined]);
      yield* checkpoint();
    });
    expect(outer.cancelledCaught).toBe(true);
  });

  it("is readable, and so is what is left of it", function* () {
    yield* useVirtualClock();
    const scope = new CancelScope({ timeout: 10 });
    expect([scope.deadline, scope.relativeDeadline]).toEqual([Number.POSITIVE_INFINITY, 10]);
    yield* scope.run(function* () {
      expect([scope.deadline, scope.relativeDeadline]).toEqual([10, 10]);
    });
    expect(() => {
      scope.deadline = Number.NaN;
    }).toThrow(RangeError);
    for (const ms of [-1, Number.NaN]) {
      expect(() => {
        scope.relativeDeadline = ms;
      }).toThrow(RangeError);
    }
  });

  it("passed while the task kept the thread, it cancels at the next checkpoint, before any timer fires", function* () {
    let now = 0;
    const log: string[] = [];
    const clock = yield* useVirtualClock();
    Object.defineProperty(clock, "now", { value: () => now });
    const scope = new CancelScope({ timeout: 10 });
    yield* scope.run(function* () {
      yield* checkpoint();
      log.push("in time");
      now = 11;
      yield* checkpointIfCancelled();
      log.push("not reached");
    });
    expect(log).toEqual(["in time"]);
    expect(scope.cancelledCaught).toBe(true);
  });

  it("currentEffectiveDeadline is the nearest that counts here", function* () {
    yield* useVirtualClock();
    expect(yield* currentEffectiveDeadline()).toBe(Number.POSITIVE_INFINITY);
    yield* moveOnAt(10, function* () {
      expect(yield* currentEffectiveDeadline()).toBe(10);
      yield* moveOnAt(20, function* (scope) {
        expect(yield* currentEffectiveDeadline()).toBe(10);
        scope.shield = true;
        expect(yield* currentEffectiveDeadline()).toBe(20);
        scope.cancel();
        expect(yield* currentEffectiveDeadline()).toBe(Number.NEGATIVE_INFINITY);
      });
    });
  });
});

describe("what is a checkpoint", () => {
  const setEvent = new Event();
  setEvent.set();

  it.each([
    ["checkpoint()", () => checkpoint()],
    ["sleep(0)", () => sleep(0)],
    ["checkpointIfCancelled()", () => checkpointIfCancelled()],
    ["Event.wait() of a set event", () => setEvent.wait()],
    ["Effection's suspend()", () => suspend()],
  ])("%s throws in a cancelled scope", function* (_name, operation) {
    const scope = new CancelScope();
    scope.cancel();
    yield* scope.run(operation);
    expect(scope.cancelledCaught).toBe(true);
  });

  it.each([
    ["cancelShieldedCheckpoint()", () => cancelShieldedCheckpoint()],
    ["currentTime()", () => currentTime()],
    ["currentEffectiveDeadline()", () => currentEffectiveDeadline()],
  ])("%s does not", function* (_name, operation: () => Operation<unknown>) {
    const scope = new CancelScope();
    scope.cancel();
    yield* scope.run(operation);
    expect(scope.cancelledCaught).toBe(false);
  });

  it("cancelShieldedCheckpoint lets others run", function* () {
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        log.push("other");
      });
      yield* cancelShieldedCheckpoint();
      log.push("back");
    });
    expect(log).toEqual(["other", "back"]);
  });
});

describe("signal", () => {
  it("aborts with the Cancelled when a cancellation takes effect, its own or from further out", function* () {
    const outer = new CancelScope();
    const inner = new CancelScope();
    yield* outer.run(() =>
      inner.run(function* () {
        expect(inner.signal.aborted).toBe(false);
        outer.cancel("from outside");
        expect(inner.signal.aborted).toBe(true);
        expect(inner.signal.reason).toMatchObject({ name: "Cancelled", reason: "from outside" });
      }),
    );
  });

  it("is kept from aborting by a shield, and by leaving in good order", function* () {
    const outer = new CancelScope();
    const inner = new CancelScope({ shield: true });
    yield* outer.run(() =>
      inner.run(function* () {
        const { signal } = inner;
        outer.cancel();
        expect(signal.aborted).toBe(false);
      }),
    );
    expect(inner.signal.aborted).toBe(false);
  });

  it("asked for before the scope is entered, while it is cancelled, and after it was left", function* () {
    const before = new CancelScope();
    const { signal } = before;
    before.cancel();
    yield* before.run(function* () {});
    expect(signal.aborted).toBe(true);
    const during = new CancelScope();
    yield* during.run(function* () {
      during.cancel();
      expect(during.signal.aborted).toBe(true);
    });
    const after = new CancelScope();
    yield* after.run(function* () {
      after.cancel();
    });
    expect(after.signal.aborted).toBe(true);
    expect(after.signal.reason).toBeInstanceOf(Cancelled);
  });
});

describe("a cancel status", () => {
  it("says what the work in it is for: what it was told, or the nearest one around it was", () => {
    const outer = new CancelStatus(undefined);
    const inner = new CancelStatus(new CancelStatus(outer));
    expect(inner.purpose).toBeUndefined();
    outer.label = "feed.ticks";
    expect(inner.purpose).toBe("feed.ticks");
    inner.label = "closer";
    expect(inner.purpose).toBe("closer");
  });
});
