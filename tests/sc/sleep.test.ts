import type { Operation } from "effection";
import { run as runInEffection } from "effection";
import {
  checkpoint,
  checkpointIfCancelled,
  currentEffectiveDeadline,
  moveOnAfter,
  openNursery,
  run,
  Sequencer,
  sleep,
  sleepUntil,
  useVirtualClock,
  VirtualClock,
  waitAllTasksBlocked,
} from "../../core/sc/mod.ts";
import { describe, expect, it } from "../support/it.ts";
import { outcomeOf } from "./outcomes.ts";

describe("bounds are checked at the call", () => {
  it.each<[string, () => unknown]>([
    ["sleep(-1)", () => sleep(-1)],
    ["sleep(NaN)", () => sleep(Number.NaN)],
    ["sleepUntil(NaN)", () => sleepUntil(Number.NaN)],
    ["waitAllTasksBlocked(-1)", () => waitAllTasksBlocked(-1)],
    ["waitAllTasksBlocked(NaN)", () => waitAllTasksBlocked(Number.NaN)],
    ["hostQuietMs: -1", () => new VirtualClock({ hostQuietMs: -1 })],
    ["hostQuietMs: NaN", () => new VirtualClock({ hostQuietMs: Number.NaN })],
  ])("%s", (_what, call) => {
    expect(call).toThrow(RangeError);
  });

  it.each([-1, 0.5, Number.NaN])("a place of %d in a sequence, when it is performed", function* (place) {
    const body = () => checkpoint();
    expect(yield* outcomeOf(new Sequencer().at(place, body))).toBeInstanceOf(RangeError);
  });
});

describe("sleep", () => {
  it("dumps say what is slept for", function* () {
    yield* useVirtualClock();
    yield* openNursery(function* (n) {
      const waits: Operation<void>[] = [sleep(5), sleepUntil(7)];
      for (const wait of waits) n.startSoon(() => wait);
      yield* waitAllTasksBlocked();
      expect([...n.children].map((task) => task.waitsFor)).toEqual(["sleep(5)", "sleepUntil(7)"]);
      n.cancelScope.cancel();
    });
  });

  it("until a moment that is to come lasts until then, and can be cancelled", function* () {
    const clock = yield* useVirtualClock({ autojump: true });
    yield* sleepUntil(50);
    expect(clock.now()).toBe(50);
    yield* moveOnAfter(10, () => sleepUntil(1_000));
    expect(clock.now()).toBe(60);
    expect(clock.nextTimer).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("in a plain Effection task", () => {
  it("checkpointIfCancelled does nothing, and no deadline is in force", async () => {
    const deadline = await runInEffection(function* () {
      yield* checkpointIfCancelled();
      return yield* currentEffectiveDeadline();
    });
    expect(deadline).toBe(Number.POSITIVE_INFINITY);
  });

  it("checkpointIfCancelled does nothing in a task of ours that is not cancelled either", async () => {
    const log: string[] = [];
    await run(() =>
      openNursery(function* (n) {
        n.startSoon(function* () {
          log.push("other");
        });
        yield* checkpointIfCancelled();
        log.push("first");
      }),
    );
    expect(log).toEqual(["first", "other"]);
  });

  it("useVirtualClock is for what runs below that task", async () => {
    const now = await runInEffection(function* () {
      const clock = yield* useVirtualClock({ autojump: true });
      yield* openNursery(() => sleep(1_000));
      return clock.now();
    });
    expect(now).toBe(1_000);
  });
});
