import { availableParallelism } from "node:os";
import { ActorSpawnError, all, type ExceptionGroup, moveOnAfter, type Portal, sleepForever } from "espalier";
import { openActorCluster } from "espalier/trionics";
import { expectTypeOf } from "vitest";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import { waits, work } from "./fixtures/workers.ts";

const modules = [import.meta.resolve("./fixtures/workers.ts")];
const broken = [import.meta.resolve("../actor/fixtures/throws-on-import.ts")];

describe("openActorCluster", () => {
  useCensus();

  it("has one actor for each core, by name and in order, and ends them with its block", function* () {
    const names = yield* openActorCluster({ modules }, function* (workers) {
      expectTypeOf(workers).toEqualTypeOf<ReadonlyMap<string, Portal>>();
      const done = yield* all([...workers.values()].map((portal) => portal.run(work, { ms: 1 })));
      expect(done.map(({ actor }) => actor)).toEqual([...workers.keys()]);
      return [...workers.keys()];
    });
    expect(names).toEqual(Array.from({ length: availableParallelism() }, (_, i) => `worker ${i}`));
  });

  it("takes the names that it is given", function* () {
    const names = yield* openActorCluster({ modules, names: ["left", "right"] }, function* (workers) {
      return [...workers].map(([name, portal]) => [name, portal.actor.name]);
    });
    expect(names).toEqual([
      ["left", "left"],
      ["right", "right"],
    ]);
  });

  it("ends all of them when its block fails, and gives its error in a group", function* () {
    const error = yield* errorOf(
      openActorCluster({ modules, count: 2 }, function* () {
        throw new Error("the block");
      }),
    );
    expect((error as ExceptionGroup).leaves().map(String)).toEqual(["Error: the block"]);
  });

  it("ends all of them when one does not start", function* () {
    let ran = false;
    const error = yield* errorOf(
      openActorCluster({ modules: broken, count: 2 }, function* () {
        ran = true;
      }),
    );
    for (const leaf of (error as ExceptionGroup).leaves()) expect(leaf).toBeInstanceOf(ActorSpawnError);
    expect(ran).toBe(false);
  });

  it("is cancelled as a whole, while it starts and while it works", function* () {
    yield* moveOnAfter(50, () => openActorCluster({ modules, count: 3 }, sleepForever));
    let wasUp = false;
    yield* moveOnAfter(60_000, (scope) =>
      openActorCluster({ modules, count: 2 }, function* () {
        wasUp = true;
        scope.cancel("enough");
        yield* sleepForever();
      }),
    );
    expect(wasUp).toBe(true);
  });

  it("hands bounds and watchers on", function* () {
    const steps: string[] = [];
    const onTeardown = ({ step }: { step: string }) => void steps.push(step);
    yield* openActorCluster({ modules, count: 1, onTeardown, teardown: { ackMs: 5_000 } }, (workers) =>
      moveOnAfter(200, () => (workers.get("worker 0") as Portal).run(waits, {})),
    );
    expect(steps).toEqual(["requested", "acknowledged", "reaped"]);
  });

  it.each([
    [{ count: 0 }, /count must be a whole number from 1 to 1024, got 0/],
    [{ count: 1.5 }, /got 1.5/],
    [{ count: 100_000 }, /got 100000/],
    [{ names: [] }, /the number of names must be .* got 0/],
    [{ names: ["a", "b"], count: 3 }, /count is 3, but there are 2 names/],
    [{ names: ["a", "b", "a"] }, /two actors are named "a"/],
  ])("refuses %j", function* (options, message) {
    expect(String(yield* errorOf(openActorCluster(options, sleepForever)))).toMatch(message);
  });

  it("refuses a block that is none", function* () {
    expect(String(yield* errorOf(openActorCluster({}, undefined as never)))).toMatch(
      /generator function, got undefined/,
    );
  });
});
