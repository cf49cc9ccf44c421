import { call, suspend } from "effection";
import { ExceptionGroup } from "../../core/exception-group.ts";
import {
  all,
  CancelScope,
  cancelShieldedCheckpoint,
  checkpoint,
  moveOnAfter,
  openNursery,
  race,
  shielded,
  sleep,
  sleepForever,
  useVirtualClock,
  waitAllTasksBlocked,
  withAbortSignal,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf } from "./outcomes.ts";

function* valueAfter<T>(ms: number, value: T) {
  yield* sleep(ms);
  return value;
}
function* failAfterMs(ms: number, message: string) {
  yield* sleep(ms);
  throw new TypeError(message);
}
function* cleaningUp(log: string[], ms = 5) {
  try {
    yield* sleepForever();
  } finally {
    yield* shielded(() => sleep(ms));
    log.push("cleaned up");
  }
}

describe("race", () => {
  it("gives the first value, after the others have cleaned up", function* () {
    const clock = yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    expect(yield* race([cleaningUp(log), valueAfter(10, "slow"), valueAfter(1, "fast")])).toBe("fast");
    expect(log).toEqual(["cleaned up"]);
    expect(clock.now()).toBe(6);
  });

  it("throws the first error, bare", function* () {
    yield* useVirtualClock({ autojump: true });
    expect(yield* outcomeOf(race([suspend(), failAfterMs(1, "first"), failAfterMs(2, "second")]))).toEqual(
      new TypeError("first"),
    );
  });

  it.each([
    ["a value", () => valueAfter(1, "first"), ["clean-up"]],
    ["an error", () => failAfterMs(1, "first"), ["first", "clean-up"]],
  ] as const)("loses no error of a loser's clean-up, when %s came first", function* (_what, first, messages) {
    yield* useVirtualClock({ autojump: true });
    const error = yield* outcomeOf(race([first(), failingCleanUp()]));
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).leaves().map((e) => (e as Error).message)).toEqual(messages);
  });

  it("cancelled by a scope in the task, nothing of it goes on", function* () {
    const log: string[] = [];
    yield* useVirtualClock({ autojump: true });
    yield* moveOnAfter(1, () => race([cleaningUp(log), cleaningUp(log)]));
    expect(log).toEqual(["cleaned up", "cleaned up"]);
  });

  it.each([
    ["a value", undefined],
    ["an error", new TypeError("first")],
  ])("decided by %s when it is cancelled from outside, it is cancelled, and loses no error", function* (_what, error) {
    const scope = new CancelScope();
    const outcome = yield* outcomeOf(
      scope.run(() =>
        race([
          sleepForever(),
          call(function* () {
            yield* cancelShieldedCheckpoint();
            scope.cancel();
            if (error !== undefined) throw error;
          }),
        ]),
      ),
    );
    expect(outcome instanceof ExceptionGroup ? outcome.leaves() : outcome).toEqual(error && [error]);
    expect(scope.cancelledCaught).toBe(true);
  });

  it("of several that end without a checkpoint the first counts", function* () {
    const value = (it: string) =>
      call(function* () {
        return it;
      });
    expect(yield* race([value("first"), value("second")])).toBe("first");
  });

  it("of nothing waits until it is cancelled", function* () {
    const scope = new CancelScope();
    scope.cancel();
    yield* scope.run(() => race([]));
    expect(scope.cancelledCaught).toBe(true);
  });

  function* failingCleanUp() {
    try {
      yield* sleepForever();
    } finally {
      yield* failAfterShielded();
    }
  }
  function* failAfterShielded() {
    yield* shielded(checkpoint);
    throw new TypeError("clean-up");
  }
});

describe("all", () => {
  it("gives the values in the order of the operations", function* () {
    yield* useVirtualClock({ autojump: true });
    const [a, b, c] = yield* all([valueAfter(3, "a"), valueAfter(1, 2), valueAfter(2, true)]);
    const typed: [string, number, boolean] = [a, b, c];
    expect(typed).toEqual(["a", 2, true]);
    expect(yield* all([])).toEqual([]);
  });

  it("one that fails cancels the rest, and every error comes out", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    const error = yield* outcomeOf(all([cleaningUp(log), failAfterMs(1, "x"), failAfterMs(1, "y")]));
    expect((error as ExceptionGroup).leaves()).toEqual([new TypeError("x"), new TypeError("y")]);
    expect(log).toEqual(["cleaned up"]);
  });
});

describe("withAbortSignal", () => {
  it("gives the value, and listens no longer", function* () {
    const controller = new AbortController();
    const counts: number[] = [];
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    let count = 0;
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      count++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      count--;
      remove(...args);
    };
    expect(
      yield* withAbortSignal(signal, function* () {
        counts.push(count);
        yield* checkpoint();
        return 1;
      }),
    ).toBe(1);
    expect([...counts, count]).toEqual([1, 0]);
    yield* outcomeOf(withAbortSignal(signal, () => failAfterMs(0, "x")));
    expect(count).toBe(0);
  });

  it("cancels the body when the signal aborts, and throws its reason", function* () {
    const controller = new AbortController();
    const log: string[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(function* () {
        log.push(String(yield* outcomeOf(withAbortSignal(controller.signal, () => cleaningUp(log, 0)))));
      });
      yield* waitAllTasksBlocked();
      controller.abort(new RangeError("enough"));
    });
    expect(log).toEqual(["cleaned up", "RangeError: enough"]);
  });

  it("an aborted signal cancels at the first checkpoint", function* () {
    const log: string[] = [];
    const thrown = yield* outcomeOf(
      withAbortSignal(AbortSignal.abort("before"), function* () {
        log.push("began");
        yield* checkpoint();
      }),
    );
    expect([...log, thrown]).toEqual(["began", "before"]);
  });

  it("a body that is done when the signal aborts has its value; a cancellation from outside passes", function* () {
    const controller = new AbortController();
    expect(
      yield* withAbortSignal(controller.signal, function* () {
        controller.abort();
        return "done";
      }),
    ).toBe("done");
    const scope = new CancelScope();
    scope.cancel();
    yield* scope.run(() => withAbortSignal(new AbortController().signal, sleepForever));
    expect(scope.cancelledCaught).toBe(true);
  });
});
