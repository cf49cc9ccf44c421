/** RxJS operators do the same with an observable of another process as with one of this: a table, both ways. */
import type { Operation } from "effection";
import { asapScheduler, type Observable, observeOn } from "rxjs";
import { openActorNursery, openNursery, type Portal, RemoteActorError } from "../../core/mod.ts";
import { fromObservable, observe, openObservable, toObservable } from "../../interop/mod.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import * as fixture from "./fixtures/marbles.ts";

/** Hundreds of dialogs at once, on a machine that may be busy with other tests. */
const BUSY = { timeout: 90_000 };

const MARBLES = new URL("./fixtures/marbles.ts", import.meta.url);
const kinds = Object.keys(fixture.SOURCES);
const operators = Object.keys(fixture.OPERATORS);

type Marbles = Record<string, string>;
type Place = (kind: string, operator: string) => Observable<unknown>;

const operatorOf = (name: string) => fixture.OPERATORS[name] ?? ((source$) => source$);
const sourceOf = (name: string) => fixture.SOURCES[name]?.() as Observable<number>;

const here: Place = (kind, operator) => operatorOf(operator)(sourceOf(kind));
/** What comes from tasks is never emitted from within `subscribe`: to some operators that makes a difference. */
const hereLater: Place = (kind, operator) => operatorOf(operator)(sourceOf(kind).pipe(observeOn(asapScheduler)));

/** Every operator on every source, as the marbles that come out. */
function* drawAll(place: Place): Operation<Marbles> {
  const marbles: Marbles = {};
  yield* openNursery(function* (nursery) {
    for (const operator of operators) {
      for (const kind of kinds) {
        const key = `${operator}: ${kind}`;
        marbles[key] = "";
        nursery.startSoon(function* () {
          marbles[key] = yield* draw(place(kind, operator));
        });
      }
    }
  });
  return marbles;
}

function* draw(source$: Observable<unknown>): Operation<string> {
  const marbles: string[] = [];
  try {
    yield* openObservable(source$, function* (stream) {
      for (let step = yield* stream.next(); step.done !== true; step = yield* stream.next()) {
        marbles.push(JSON.stringify(step.value) ?? "undefined");
      }
      marbles.push("|");
    });
  } catch (error) {
    marbles.push(`# ${describeError(error)}`);
  }
  return marbles.join(" ");
}

function describeError(error: unknown): string {
  if (error instanceof RemoteActorError) return `${error.remoteName}: ${error.remoteMessage}`;
  return String(error);
}

describe("B58 RxJS operators", () => {
  useCensus();

  const withChild = <T>(body: (portal: Portal) => Operation<T>) =>
    openActorNursery(function* (an) {
      const portal = yield* an.startActor("marbles", { enableModules: [MARBLES] });
      const value = yield* body(portal);
      yield* portal.cancelActor();
      return value;
    });

  it("the table tells operators and sources apart", function* () {
    const marbles = yield* drawAll(here);
    expect(operators.length).toBeGreaterThan(55);
    expect(marbles["none: 3 1 2 #"]).toBe("3 1 2 # RangeError: ran dry");
    expect(marbles["pairwise: 1 2 3 4 5 6 |"]).toBe("[1,2] [2,3] [3,4] [4,5] [5,6] |");
    expect(new Set(Object.values(marbles)).size).toBeGreaterThan(120);
  });

  it("do the same with tasks between source and operator", function* () {
    const there = yield* drawAll((kind, operator) =>
      operatorOf(operator)(toObservable(() => fromObservable(sourceOf(kind)))),
    );
    expect(there).toEqual(yield* drawAll(hereLater));
  });

  it(
    "do the same here with an observable of another process",
    function* () {
      yield* withChild(function* (portal) {
        const there = yield* drawAll((kind, operator) =>
          operatorOf(operator)(observe(portal, fixture.source, { kind })),
        );
        expect(there).toEqual(yield* drawAll(hereLater));
      });
    },
    BUSY,
  );

  it(
    "do the same there, and what comes of them crosses as it is",
    function* () {
      yield* withChild(function* (portal) {
        const there = yield* drawAll((kind, operator) => observe(portal, fixture.through, { kind, operator }));
        expect(there).toEqual(yield* drawAll(here));
      });
    },
    BUSY,
  );
});
