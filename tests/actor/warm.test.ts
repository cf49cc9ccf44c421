import { type Operation, until } from "effection";
import { type ActorNursery, type ExceptionGroup, moveOnAfter, openActorNursery, sleepForever } from "espalier";
import { redirectWarnings } from "../../core/warnings.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { errorOf } from "../support/outcome.ts";
import { descendantsOf, listProcesses, type ProcessEntry } from "../support/process-table.ts";
import { startProgram } from "../support/program.ts";
import { add, fails, whoAmI } from "./fixtures/service.ts";

const enableModules = [new URL("./fixtures/service.ts", import.meta.url)];

/** What they are called in the list of processes once they wait. */
const isBlank = (entry: ProcessEntry) => entry.commandLine.startsWith("espalier:(blank)");
const blanks = () => descendantsOf(process.pid, listProcesses()).filter(isBlank);

/** From their start on. */
const starting = () =>
  descendantsOf(process.pid, listProcesses()).filter(({ commandLine }) => commandLine.includes("(blank)"));

function* blanksAre(count: number): Operation<ProcessEntry[]> {
  yield* until(expect.poll(blanks, { timeout: 10_000 }).toHaveLength(count));
  return blanks();
}

function* pidOfNew(an: ActorNursery, name: string, options: { env?: Record<string, string> } = {}): Operation<number> {
  const portal = yield* an.startActor(name, { enableModules, ...options });
  return (yield* portal.run(whoAmI)).pid;
}

describe("processes that are kept warm", () => {
  useCensus();

  it("B10 B32 become actors with their names, each of its own", function* () {
    yield* openActorNursery(
      function* (an) {
        const waiting = (yield* blanksAre(2)).map(({ pid }) => pid);
        const one = yield* an.startActor("same", { enableModules });
        const two = yield* an.startActor("same", { enableModules });
        const [first, second] = [yield* one.run(whoAmI), yield* two.run(whoAmI)];
        expect([first.pid, second.pid].sort()).toEqual(waiting.sort());
        for (const { title, name } of [first, second]) expect([title, name]).toEqual(["espalier:same", "same"]);
        for (const portal of [one, two]) {
          expect(yield* errorOf(portal.run(fails, { message: "who?" }))).toMatchObject({ srcActor: portal.actor });
        }
        expect(one.actor.uuid).not.toBe(two.actor.uuid);
        yield* one.cancelActor();
        expect(yield* two.run(add, { a: 1, b: 2 })).toBe(3);
        yield* two.cancelActor();
      },
      { warm: 2 },
    );
  });

  it("are replaced when they are taken, and are gone with the nursery", function* () {
    yield* openActorNursery(
      function* (an) {
        const [blank] = yield* blanksAre(1);
        expect(yield* pidOfNew(an, "first")).toBe(blank?.pid);
        const [next] = yield* blanksAre(1);
        expect(next?.pid).not.toBe(blank?.pid);
        an.cancelScope.cancel("enough");
      },
      { warm: 1 },
    );
    expect(blanks()).toEqual([]);
  });

  it("are gone with a nursery that fails, or is cancelled from outside", function* () {
    const error = yield* errorOf(
      openActorNursery(
        function* () {
          yield* blanksAre(1);
          throw new RangeError("on purpose");
        },
        { warm: 1 },
      ),
    );
    // In one group, as without them.
    expect((error as ExceptionGroup).errors).toMatchObject([{ message: "on purpose" }]);
    expect(blanks()).toEqual([]);
    const left = yield* moveOnAfter(1_000, () => openActorNursery(() => sleepForever(), { warm: 2 }));
    expect(left).toBe(undefined);
    expect(blanks()).toEqual([]);
  });

  it("are not taken for an actor with options of its own, nor when the environment has changed", function* () {
    yield* openActorNursery(
      function* (an) {
        const [blank] = yield* blanksAre(1);
        expect(yield* pidOfNew(an, "own", { env: { OWN: "1" } })).not.toBe(blank?.pid);
        process.env.CHANGED = "1";
        try {
          expect(yield* pidOfNew(an, "changed")).not.toBe(blank?.pid);
        } finally {
          delete process.env.CHANGED;
        }
        an.cancelScope.cancel("enough");
      },
      { warm: 1 },
    );
  });

  it("are replaced when they die, which is nobody's business", function* () {
    yield* openActorNursery(
      function* (an) {
        const [blank] = yield* blanksAre(1);
        process.kill(blank?.pid ?? 0, "SIGKILL");
        const pid = yield* pidOfNew(an, "after");
        expect(pid).not.toBe(blank?.pid);
        an.cancelScope.cancel("enough");
      },
      { warm: 1 },
    );
  });

  it("are given up, and reported, when they die again and again; actors are started all the same", function* () {
    const warnings: string[] = [];
    yield* openActorNursery(
      function* (an) {
        const restore = redirectWarnings(({ type }) => warnings.push(type));
        const killed = new Set<number>();
        const killOne = () => {
          for (const { pid } of starting()) if (!killed.has(pid)) process.kill(pid, "SIGKILL") && killed.add(pid);
          return warnings;
        };
        yield* until(expect.poll(killOne, { timeout: 15_000 }).toEqual(["BlanksDie"]));
        expect(killed.size).toBe(5);
        expect(yield* pidOfNew(an, "cold")).toBeGreaterThan(0);
        restore();
        an.cancelScope.cancel("enough");
      },
      { warm: 1 },
    );
  });

  it("B12 are gone with a root that is killed", async () => {
    const program = startProgram("tests/actor/fixtures/warm-program.ts");
    await expect.poll(() => program.processes().filter(isBlank), { timeout: 10_000 }).toHaveLength(2);
    program.signal("SIGKILL");
    await program.ended({ goneWithinMs: 2_000 });
  });

  it.each([-1, 1.5, 65, Number.NaN])("cannot be %d of", function* (warm) {
    expect(yield* errorOf(openActorNursery(function* () {}, { warm }))).toMatchObject({
      name: "RangeError",
      message: expect.stringContaining("warm must be a whole number from 0 to 64"),
    });
  });
});
