import type { Operation } from "effection";
import { type ExceptionGroup, moveOnAfter, shielded, sleep, sleepForever } from "espalier";
import { gatherContexts, type Opener } from "espalier/trionics";
import { expectTypeOf } from "vitest";
import { useVirtualClock } from "../../core/sc/virtual-clock.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";

/** A resource that writes down when it is entered and left, and takes `ms` for each. */
function resource<T>(log: string[], name: string, value: T, ms = 1): Opener<T> {
  return function* (body): Operation<void> {
    yield* sleep(ms);
    log.push(`${name} entered`);
    try {
      yield* body(value);
    } finally {
      yield* shielded(() => sleep(ms));
      log.push(`${name} left`);
    }
  };
}

describe("gatherContexts", () => {
  it("enters all at once and gives their values in the order of the openers", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    const sum = yield* gatherContexts([resource(log, "slow", 1, 20), resource(log, "fast", "two")], function* (values) {
      expectTypeOf(values).toEqualTypeOf<[number, string]>();
      expect(log).toEqual(["fast entered", "slow entered"]);
      return values;
    });
    expect(sum).toEqual([1, "two"]);
    expect(log.slice(2)).toEqual(["fast left", "slow left"]);
  });

  it("needs no openers", function* () {
    expect(
      yield* gatherContexts([], function* (values) {
        return values.length;
      }),
    ).toBe(0);
  });

  it("unwinds all when the body fails, and gives its error", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    const error = yield* errorOf(
      gatherContexts([resource(log, "a", 1), resource(log, "b", 2)], function* () {
        throw new Error("the body failed");
      }),
    );
    expect((error as ExceptionGroup).leaves().map(String)).toEqual(["Error: the body failed"]);
    expect(log.filter((line) => line.endsWith("left")).sort()).toEqual(["a left", "b left"]);
  });

  it("unwinds those that were entered when one cannot be, and never runs the body", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    const broken: Opener<number> = function* () {
      yield* sleep(5);
      throw new Error("no such thing");
    };
    const error = yield* errorOf(
      gatherContexts([resource(log, "good", 1), broken], function* () {
        log.push("body ran");
      }),
    );
    expect((error as ExceptionGroup).leaves().map(String)).toEqual(["Error: no such thing"]);
    expect(log).toEqual(["good entered", "good left"]);
  });

  it("tells of an opener that ends without running its body", function* () {
    const lazy: Opener<number> = function* () {};
    const error = yield* errorOf(gatherContexts([lazy], sleepForever));
    expect(String((error as ExceptionGroup).errors[0])).toMatch(/opener 0 of 1 returned without running its body/);
  });

  it("unwinds all when it is cancelled, entered or not", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    yield* moveOnAfter(20, () =>
      gatherContexts([resource(log, "in", 1), resource(log, "never", 2, 60_000)], sleepForever),
    );
    expect(log).toEqual(["in entered", "in left"]);
  });
});
