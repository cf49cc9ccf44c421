/**
 * What a call of Promise code in another process comes to, for each way its promise may end and each way its caller may.
 * The same tables in one process are those of `tests/to_promise`.
 */
import type { Operation } from "effection";
import {
  ExceptionGroup,
  failAfter,
  isCancelled,
  openActorNursery,
  openNursery,
  type Portal,
  RemoteActorError,
  TooSlowError,
} from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import * as legacy from "./fixtures/legacy.ts";

const enableModules = [new URL("./fixtures/legacy.ts", import.meta.url)];

type Call = (portal: Portal) => Operation<unknown>;
type ScEnd = "waits" | "throws" | "cancelled" | "timed out" | "actor killed";

/** `value x`, or the error by its name; one of the promise's own with its message; of a group all, in any order. */
function describeError(error: unknown): string {
  if (error instanceof ExceptionGroup) return `[${error.leaves().map(describeError).sort().join(", ")}]`;
  if (isCancelled(error) || error instanceof TooSlowError) return error.name;
  if (error instanceof RemoteActorError) return `remote ${error.remoteName}: ${error.remoteMessage}`;
  if (!(error instanceof Error)) return String(error);
  return error.name === "Error" ? `Error: ${error.message}` : error.name;
}

function* outcomeOf(op: () => Operation<unknown>): Operation<string> {
  try {
    return `value ${String(yield* op())}`;
  } catch (error) {
    return describeError(error);
  }
}

/** What the caller's side sees of `call`, when it ends as `sc` says while the promise is pending. */
const SC_ENDS: Record<ScEnd, (portal: Portal, call: Call, told: string[]) => Operation<unknown>> = {
  waits: (portal, call) => call(portal),
  *throws(portal, call, told) {
    yield* openNursery(function* (nursery) {
      nursery.startSoon(() => rethrowing(call(portal), told));
      yield* portal.run(legacy.whenRunning);
      throw new Error("body");
    });
  },
  *cancelled(portal, call, told) {
    yield* openNursery(function* (nursery) {
      nursery.startSoon(() => rethrowing(call(portal), told));
      yield* portal.run(legacy.whenRunning);
      nursery.cancelScope.cancel("shop is closing");
    });
    return "cancelled";
  },
  "timed out": (portal, call, told) =>
    failAfter(3_600_000, function* (scope) {
      yield* openNursery(function* (nursery) {
        nursery.startSoon(() => rethrowing(call(portal), told));
        yield* portal.run(legacy.whenRunning);
        scope.deadline = 0;
      });
    }),
  *"actor killed"(portal, call, told) {
    yield* openNursery(function* (nursery) {
      nursery.startSoon(() => rethrowing(call(portal), told));
      process.kill(yield* portal.run(legacy.whenRunning), "SIGKILL");
    });
  },
};

/** The call itself, as whoever made it sees it. */
function* rethrowing(call: Operation<unknown>, told: string[]): Operation<unknown> {
  try {
    const value = yield* call;
    told.push(`value ${String(value)}`);
    return value;
  } catch (error) {
    told.push(describeError(error));
    throw error;
  }
}

interface Row {
  readonly promise: string;
  readonly call: Call;
  /** For each end of the caller: what the call came to, and what the nursery of the actor did. */
  readonly ends: Partial<Record<ScEnd, readonly [call: string, nursery: string]>>;
}

const KILLED = ["TransportClosed", "[ActorDied, TransportClosed]"] as const;
const OBEYED: Row["ends"] = {
  throws: ["Cancelled", "[Error: body]"],
  cancelled: ["Cancelled", "value cancelled"],
  "timed out": ["Cancelled", "[TooSlowError]"],
  "actor killed": KILLED,
};
const saved = (by: string) => `value saved after AbortError by root: ${by}`;

const rows: Row[] = [
  {
    promise: "returns",
    call: (portal) => portal.run(legacy.returns),
    ends: { waits: ["", "value done"] },
  },
  {
    promise: "rejects",
    call: (portal) => portal.run(legacy.rejects),
    ends: { waits: ["", "[remote TypeError: legacy]"] },
  },
  {
    promise: "throws synchronously",
    call: (portal) => portal.run(legacy.throwsAtOnce),
    ends: { waits: ["", "[remote RangeError: sync]"] },
  },
  {
    promise: "aborts itself",
    call: (portal) => portal.run(legacy.abortsItself),
    ends: { waits: ["", "[PromiseAborted]"] },
  },
  {
    promise: "never starts",
    call: (portal) =>
      portal.openContext(legacy.neverStarts, {}, function* () {
        return "not reached";
      }),
    ends: {
      waits: [
        "",
        '[remote PromiseNotStarted: promise task "silent" has not called within 20 ms: chan.started(); call it once the channel is ready for use]',
      ],
    },
  },
  { promise: "obeys its signal", call: (portal) => portal.run(legacy.obeys, {}), ends: OBEYED },
  { promise: "settles late", call: (portal) => portal.run(legacy.settlesLate, {}), ends: OBEYED },
  {
    promise: "returns on abort",
    call: (portal) => portal.run(legacy.returnsOnAbort, {}),
    ends: {
      throws: [saved('"the body" failed: body'), "[Error: body]"],
      cancelled: [saved("shop is closing"), "value cancelled"],
      "timed out": [saved("deadline has passed"), "value undefined"],
      "actor killed": KILLED,
    },
  },
  {
    promise: "fails on abort",
    call: (portal) => portal.run(legacy.failsOnAbort, {}),
    ends: {
      throws: ["remote Error: clean-up", "[Error: body, remote Error: clean-up]"],
      cancelled: ["remote Error: clean-up", "[remote Error: clean-up]"],
      "timed out": ["remote Error: clean-up", "[remote Error: clean-up]"],
      "actor killed": KILLED,
    },
  },
  {
    promise: "ignores its signal, and settles after its grace",
    call: (portal) => portal.run(legacy.ignoresAbort, { ms: 60_000 }),
    ends: {
      throws: ["PromiseIgnoredAbort", "[ActorQuarantined, Error: body, PromiseIgnoredAbort]"],
      cancelled: ["PromiseIgnoredAbort", "[ActorQuarantined, PromiseIgnoredAbort]"],
      "timed out": ["PromiseIgnoredAbort", "[ActorQuarantined, PromiseIgnoredAbort]"],
      "actor killed": KILLED,
    },
  },
  {
    promise: "never settles",
    call: (portal) => portal.run(legacy.neverSettles),
    ends: {
      throws: ["PromiseIgnoredAbort", "[ActorQuarantined, Error: body, PromiseIgnoredAbort]"],
      cancelled: ["PromiseIgnoredAbort", "[ActorQuarantined, PromiseIgnoredAbort]"],
      "timed out": ["PromiseIgnoredAbort", "[ActorQuarantined, PromiseIgnoredAbort]"],
      "actor killed": KILLED,
    },
  },
];

const table = rows.flatMap(({ promise, call, ends }) =>
  Object.entries(ends).map(([sc, expected]) => [promise, sc as ScEnd, expected.join(", the nursery: "), call] as const),
);

describe("a promise in another process", () => {
  useCensus();

  it.each(table)("B55 B57 %s, the caller %s: %s", function* (_promise, sc, expected, call) {
    const told: string[] = [];
    const nursery = yield* outcomeOf(() =>
      openActorNursery(function* (an) {
        const promises = { onIgnoredAbort: "kill-actor", graceMs: 100 } as const;
        const portal = yield* an.startActor("legacy", { enableModules, promises });
        const value = yield* SC_ENDS[sc](portal, call, told);
        yield* portal.cancelActor();
        return value;
      }),
    );
    expect(`${told[0] ?? ""}, the nursery: ${nursery}`).toBe(expected);
  });
});
