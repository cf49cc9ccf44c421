import { Deferred } from "../../core/sc/deferred.ts";
import { CancelScope, openNursery, useVirtualClock, waitAllTasksBlocked } from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf } from "./outcomes.ts";

describe("Deferred", () => {
  it("gives its result to all who wait, in order, and to those who come later", function* () {
    const deferred = new Deferred<string>("a result");
    const log: string[] = [];
    yield* openNursery(function* (n) {
      for (const i of [1, 2]) {
        n.startSoon(function* () {
          log.push(`${i}: ${yield* deferred.wait()}`);
        });
      }
      yield* waitAllTasksBlocked();
      expect(deferred.result).toBeUndefined();
      deferred.resolve("here");
    });
    expect(log).toEqual(["1: here", "2: here"]);
    expect(yield* deferred.wait()).toBe("here");
  });

  it("only the first result counts", function* () {
    const deferred = new Deferred<string>("a result");
    expect(deferred.reject(new TypeError("first"))).toBe(true);
    expect(deferred.resolve("second")).toBe(false);
    expect(yield* outcomeOf(deferred.wait())).toEqual(new TypeError("first"));
    expect(deferred.result?.ok).toBe(false);
  });

  it("forgets who is cancelled; a later result is for the others", function* () {
    const deferred = new Deferred<number>("a result");
    const scope = new CancelScope();
    const log: number[] = [];
    yield* openNursery(function* (n) {
      n.startSoon(() =>
        scope.run(function* () {
          log.push(yield* deferred.wait());
        }),
      );
      yield* waitAllTasksBlocked();
      scope.cancel();
      deferred.resolve(1);
    });
    expect(log).toEqual([]);
    expect(scope.cancelledCaught).toBe(true);
  });

  it("names what is waited for, and tells the clock when it is the host who ends that", function* () {
    const clock = yield* useVirtualClock();
    const [ours, hosts] = [new Deferred<void>("a task's word"), new Deferred<void>("a reply", true)];
    yield* openNursery(function* (n) {
      n.startSoon(() => ours.wait());
      n.startSoon(() => hosts.wait());
      yield* waitAllTasksBlocked();
      expect([...n.children].map((task) => task.waitsFor)).toEqual(["a task's word", "a reply"]);
      expect(clock.hostWaits).toBe(1);
      ours.resolve();
      hosts.resolve();
    });
    expect(clock.hostWaits).toBe(0);
  });
});
