/**
 * What is over is gone: after many actors, and after many calls, the root has the heap, the handles and the descriptors
 * that it had. Small here; by hand `SOAK_ACTORS=10000 SOAK_CALLS=1000000 npx vitest run tests/actor/soak.test.ts`, which
 * prints what it found.
 */
import { readdirSync } from "node:fs";
import type { Operation } from "effection";
import { Event, openActorNursery, openNursery, type Portal } from "espalier";
import { useCensus } from "../support/census.ts";
import { collectGarbage } from "../support/garbage.ts";
import { describe, expect, it } from "../support/it.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { add, counts, returnsNothing } from "./fixtures/service.ts";

const { SOAK_ACTORS, SOAK_CALLS } = process.env;
const ACTORS = Number(SOAK_ACTORS ?? 12);
const CALLS = Number(SOAK_CALLS ?? 20_000);
/** By then the code is compiled, and what is made once is there. */
const WARM_UP_ACTORS = 8;
const WARM_UP_CALLS = 10_000;

/**
 * Bytes by which the heap may have grown: what a collection leaves differs by a few hundred kilobytes from one to the
 * next. Were 5 KB kept of an actor (its supervisor alone takes more), 10,000 would show; so would 5 bytes of a call.
 */
const MAX_HEAP_GROWTH = 4 * 1024 * 1024;
/** Actors at a time: as fast as they come, and both the first and the last to go are there. */
const AT_ONCE = 2;

interface State {
  readonly heap: number;
  readonly handles: readonly string[];
  readonly descriptors: number;
}

/** What this process holds, once it has come to rest. */
function* stateNow(): Operation<State> {
  yield* macrotasks(5);
  return {
    heap: collectGarbage(),
    handles: process.getActiveResourcesInfo().sort(),
    descriptors: readdirSync("/proc/self/fd").length,
  };
}

function mustBeAsBefore(what: string, before: State, after: State): void {
  const grown = after.heap - before.heap;
  if ((SOAK_ACTORS ?? SOAK_CALLS) !== undefined) {
    const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(2);
    console.log(
      `${what}: heap ${mib(before.heap)} to ${mib(after.heap)} MiB, descriptors ${before.descriptors} to ${after.descriptors}, handles ${after.handles.length}`,
    );
  }
  expect(after.handles).toEqual(before.handles);
  expect(after.descriptors).toBe(before.descriptors);
  expect(grown).toBeLessThan(MAX_HEAP_GROWTH);
}

const enableModules = [new URL("./fixtures/service.ts", import.meta.url)];

/** Counts children that have been waited for. */
class Reaped {
  #count = 0;
  #changed = new Event();

  one(): void {
    this.#count++;
    this.#changed.set();
  }

  /** Wait for the next `count` to be. */
  *all(count: number): Operation<void> {
    while (this.#count < count) {
      this.#changed = new Event("a child that is reaped");
      yield* this.#changed.wait();
    }
    this.#count -= count;
  }
}

describe("the root after much work", () => {
  useCensus();

  it(
    `B3 is what it was after ${ACTORS} actors that came and went`,
    function* () {
      const reaped = new Reaped();
      yield* openActorNursery(
        function* (an) {
          function* wave(count: number): Operation<void> {
            for (let i = 0; i < count; i += AT_ONCE) {
              yield* openNursery(function* (n) {
                for (let k = 0; k < AT_ONCE; k++) n.startSoon(() => oneActor(i + k));
              });
            }
            yield* reaped.all(count);
          }
          /** One in two is used, one in two ends at once. */
          function* oneActor(i: number): Operation<void> {
            const portal = yield* an.startActor(`actor${i}`, { enableModules });
            if (i % 2 === 0) {
              expect(yield* portal.run(add, { a: i, b: 1 })).toBe(i + 1);
              yield* portal.openContext(counts, { to: 10 }, (ctx) =>
                ctx.openStream(function* (stream) {
                  expect(yield* stream.receive()).toBe(0);
                }),
              );
            }
            yield* portal.cancelActor();
          }
          yield* wave(WARM_UP_ACTORS);
          const before = yield* stateNow();
          yield* wave(ACTORS);
          mustBeAsBefore(`${ACTORS} actors`, before, yield* stateNow());
        },
        { onTeardown: ({ step }) => void (step === "reaped" && reaped.one()) },
      );
    },
    20_000 + ACTORS * 4_000,
  );

  it(
    `is what it was after ${CALLS} calls on one portal`,
    function* () {
      yield* openActorNursery(function* (an) {
        const portal: Portal = yield* an.startActor("callee", { enableModules });
        function* caller(count: number): Operation<void> {
          for (let i = 0; i < count; i++) {
            if (i % 4 === 0) yield* portal.run(returnsNothing);
            else expect(yield* portal.run(add, { a: i, b: 1 })).toBe(i + 1);
          }
        }
        function* calls(count: number): Operation<void> {
          yield* openNursery(function* (n) {
            for (let k = 0; k < 16; k++) n.startSoon(() => caller(count / 16));
          });
        }
        yield* calls(WARM_UP_CALLS);
        const before = yield* stateNow();
        yield* calls(CALLS);
        mustBeAsBefore(`${CALLS} calls`, before, yield* stateNow());
        yield* portal.cancelActor();
      });
    },
    60_000 + CALLS,
  );
});
