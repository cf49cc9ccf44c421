import { type Operation, spawn } from "effection";
import { type ExceptionGroup, moveOnAfter, openNursery, sleep, sleepForever } from "espalier";
import { withCleanUp } from "espalier/trionics";
import { useVirtualClock } from "../../core/sc/virtual-clock.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";

const own = new Error("the body failed");
const late = new Error("the clean-up failed");
function* fails(error: Error): Operation<never> {
  yield* sleep(1);
  throw error;
}

describe("withCleanUp", () => {
  it("gives the value of the body, after the clean-up", function* () {
    yield* useVirtualClock({ autojump: true });
    const log: string[] = [];
    const body = function* () {
      log.push("body");
      return 1;
    };
    const cleanUp = function* () {
      yield* sleep(10);
      log.push("clean-up");
    };
    expect(yield* withCleanUp(body, cleanUp)).toBe(1);
    expect(log).toEqual(["body", "clean-up"]);
  });

  it("B17 hides neither error: one as it is, both in a group", function* () {
    yield* useVirtualClock({ autojump: true });
    const fine = () => sleep(1);
    expect(yield* errorOf(withCleanUp(() => fails(own), fine))).toBe(own);
    expect(yield* errorOf(withCleanUp(fine, () => fails(late)))).toBe(late);
    const both = yield* errorOf(
      withCleanUp(
        () => fails(own),
        () => fails(late),
      ),
    );
    expect((both as ExceptionGroup).errors).toEqual([own, late]);
  });

  it("B17 cleans up when it is cancelled, out of reach of that, and gives its error beside", function* () {
    yield* useVirtualClock({ autojump: true });
    let cleaned = false;
    yield* moveOnAfter(5, () =>
      withCleanUp(sleepForever, function* () {
        yield* sleep(10);
        cleaned = true;
      }),
    );
    expect(cleaned).toBe(true);
    const error = yield* errorOf(moveOnAfter(5, () => withCleanUp(sleepForever, () => fails(late))));
    expect((error as ExceptionGroup).leaves()).toEqual([late]);
  });

  it("cleans up when a raw Effection task tears it down", function* () {
    let cleaned = false;
    const error = yield* errorOf(
      openNursery(function* (n) {
        n.startSoon(function* () {
          yield* withCleanUp(
            function* () {
              yield* spawn(() => fails(own));
              yield* sleepForever();
            },
            function* () {
              yield* sleep(1);
              cleaned = true;
            },
          );
        });
      }),
    );
    expect((error as ExceptionGroup).leaves()).toEqual([own]);
    expect(cleaned).toBe(true);
  });
});
