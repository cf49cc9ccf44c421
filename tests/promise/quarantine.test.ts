/** Promise code that ignores its abort signal, in actors that are trusted and in ones that are not. */
import type { Operation } from "effection";
import {
  type ActorOptions,
  ActorQuarantined,
  ActorTooSlowError,
  Event,
  type ExceptionGroup,
  type LogRecord,
  moveOnAfter,
  openActorNursery,
  openNursery,
  openRootActor,
  type Portal,
  PromiseIgnoredAbort,
  ScCancelled,
} from "espalier";
import { runTask } from "espalier/to_promise";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { errorOf } from "../support/outcome.ts";
import * as legacy from "./fixtures/legacy.ts";

const enableModules = [new URL("./fixtures/legacy.ts", import.meta.url)];
const QUARANTINE = { onIgnoredAbort: "kill-actor", graceMs: 50 } as const;

/** Start a call, and cancel it once the code over there runs. @throws what the call throws by then */
function* cancelWhenRunning(portal: Portal, call: () => Operation<unknown>): Operation<void> {
  yield* openNursery(function* (nursery) {
    nursery.startSoon(call);
    yield* portal.run(legacy.whenRunning);
    nursery.cancelScope.cancel("enough");
  });
}

/** What the nursery of one actor fails with, and what was logged meanwhile. */
function* errorsOf(options: ActorOptions, body: (portal: Portal) => Operation<unknown>) {
  const records: LogRecord[] = [];
  const error = yield* errorOf(
    openRootActor(
      () =>
        openActorNursery(function* (an) {
          yield* body(yield* an.startActor("legacy", { enableModules, ...options }));
        }),
      { logTo: (record) => void records.push(record) },
    ),
  );
  return { leaves: (error as ExceptionGroup).leaves(), records };
}

describe("an actor in quarantine", () => {
  useCensus();

  it("B57 is ended if its code ignores the abort: the caller is told which, where it was called, and for what it waits", function* () {
    const { leaves } = yield* errorsOf({ promises: QUARANTINE }, (portal) =>
      cancelWhenRunning(portal, () => portal.run(legacy.ignoresAbort, { ms: 60_000 })),
    );
    const [told, ended] = leaves;
    expect(leaves).toHaveLength(2);
    expect(told).toBeInstanceOf(PromiseIgnoredAbort);
    expect(told).toMatchObject({ taskName: "legacy.ts.ignoresAbort", graceMs: 50 });
    expect((told as PromiseIgnoredAbort).stack).toMatch(/ignoresAbort.*fixtures\/legacy\.ts/);
    expect((told as PromiseIgnoredAbort).waitingFor.join()).toMatch(/\d Timeout/);
    expect(ended).toBeInstanceOf(ActorQuarantined);
    expect(ended).toMatchObject({ actor: { name: "legacy" }, cause: { name: "PromiseIgnoredAbort" } });
    expect((ended as Error).message).toContain('promise task "legacy.ts.ignoresAbort" has ignored its abort signal');
  });

  it("B57 says where the code hangs, if it is watched for leaks", function* () {
    const { leaves } = yield* errorsOf({ promises: { ...QUARANTINE, leaks: "warn" } }, (portal) =>
      cancelWhenRunning(portal, () => portal.run(legacy.ignoresAbort, { ms: 60_000 })),
    );
    const { waitingFor } = leaves[0] as PromiseIgnoredAbort;
    expect(waitingFor.join("\n")).toMatch(/^a timer made at .*fixtures\/legacy\.ts:\d+/m);
    expect(waitingFor.join("\n")).toMatch(/^a promise made at ignoresAbort .*fixtures\/legacy\.ts:\d+/m);
  });

  it("B57 may be started anew, in a nursery of its own", function* () {
    const pids: number[] = [];
    let restarts = 0;
    const supervised = function* (): Operation<string> {
      for (;;) {
        try {
          return yield* openActorNursery(function* (an) {
            const portal = yield* an.startActor("legacy", { enableModules, promises: QUARANTINE });
            pids.push(yield* portal.run(legacy.elapsed, { ms: 0 }));
            if (pids.length === 1) yield* cancelWhenRunning(portal, () => portal.run(legacy.neverSettles));
            yield* portal.cancelActor();
            return "done";
          });
        } catch (error) {
          if ((error as ExceptionGroup).subgroup(ActorQuarantined) === null) throw error;
          restarts++;
        }
      }
    };
    expect(yield* supervised()).toBe("done");
    expect(restarts).toBe(1);
    expect(new Set(pids).size).toBe(2);
  });

  it("B57 with two that ignore it tells both callers, and is ended once", function* () {
    const { leaves } = yield* errorsOf({ promises: QUARANTINE }, (portal) =>
      openNursery(function* (nursery) {
        nursery.startSoon(() => portal.run(legacy.neverSettles));
        nursery.startSoon(() => portal.run(legacy.ignoresAbort, { ms: 60_000 }));
        yield* portal.run(legacy.whenRunning, { calls: 2 });
        nursery.cancelScope.cancel("enough");
      }),
    );
    const names = leaves.map((leaf) => (leaf as Error).name).sort();
    expect(names).toEqual(["ActorQuarantined", "PromiseIgnoredAbort", "PromiseIgnoredAbort"]);
  });

  it("B57 lets the rest of what it does unwind before it ends", function* () {
    let rest: unknown;
    yield* errorsOf({ promises: QUARANTINE }, (portal) =>
      openNursery(function* (nursery) {
        nursery.startSoon(function* () {
          rest = yield* portal.run(legacy.returnsOnAbort, {});
        });
        yield* portal.run(legacy.whenRunning);
        yield* cancelWhenRunning(portal, () => portal.run(legacy.neverSettles));
      }),
    );
    expect(rest).toMatch(/^saved after AbortError by root/);
  });

  it("B57 that is being ended anyway tells the caller, and logs it; that is no failure of the actor", function* () {
    const { leaves, records } = yield* errorsOf({ promises: QUARANTINE }, (portal) =>
      openNursery(function* (nursery) {
        nursery.startSoon(() => portal.run(legacy.neverSettles));
        yield* portal.run(legacy.whenRunning);
        yield* portal.cancelActor();
      }),
    );
    expect(leaves).toEqual([expect.any(PromiseIgnoredAbort)]);
    expect(records.map(({ event }) => event)).toEqual(["actor.ignored-abort"]);
    expect(records[0]?.message).toContain('"legacy.ts.neverSettles"');
  });

  it("B24 B57 that keeps its thread is killed, and the caller and the nursery are told", function* () {
    const log = new LogFile();
    const { leaves } = yield* errorsOf({ promises: "quarantine" }, (portal) =>
      openNursery(function* (nursery) {
        nursery.startSoon(() => portal.run(legacy.keepsThread, { log: log.path }));
        yield* log.has("stuck");
        nursery.cancelScope.cancel("enough");
      }),
    );
    expect(leaves).toEqual([expect.any(ActorTooSlowError), expect.any(ActorQuarantined)]);
    expect((leaves[1] as Error).cause).toBeInstanceOf(ActorTooSlowError);
  });

  it("B31 B57 is ended too if an async generator hangs", function* () {
    const { leaves } = yield* errorsOf({ promises: QUARANTINE }, (portal) =>
      portal.openStreamFrom(legacy.pagesThatHang, { after: 3 }, function* (pages) {
        for (let page = 0; page < 3; page++) expect(yield* pages.receive()).toBe(page);
      }),
    );
    expect(leaves).toEqual([expect.any(PromiseIgnoredAbort), expect.any(ActorQuarantined)]);
  });

  it("does not mind code that obeys", function* () {
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("legacy", { enableModules, promises: QUARANTINE });
      yield* cancelWhenRunning(portal, () => portal.run(legacy.obeys, {}));
      expect(yield* portal.run(legacy.returns)).toBe("done");
      yield* portal.cancelActor();
    });
  });
});

describe("an actor that is trusted", () => {
  useCensus();

  it("B57 warns of code that ignores the abort, and waits for it", function* () {
    const records: LogRecord[] = [];
    const warned = new Event();
    let value: unknown;
    yield* openRootActor(
      () =>
        openActorNursery(function* (an) {
          const portal = yield* an.startActor("legacy", { enableModules, promises: { graceMs: 20 } });
          yield* openNursery(function* (nursery) {
            nursery.startSoon(() =>
              cancelWhenRunning(portal, function* () {
                value = yield* portal.run(legacy.ignoresUntilReleased);
              }),
            );
            yield* warned.wait();
            yield* portal.run(legacy.release);
          });
          yield* portal.cancelActor();
        }),
      {
        logTo: (record) => {
          records.push(record);
          warned.set();
        },
      },
    );
    expect(value).toBe("too late");
    expect(records.map(({ event, level, actor }) => [event, level, actor.split("@")[0]])).toEqual([
      ["warning.PromiseIgnoredAbort", "warn", "legacy"],
    ]);
  });

  it("B57 gives up code that ignores the abort, if told to: it lives on, and tells how that settles", function* () {
    const records: LogRecord[] = [];
    yield* openRootActor(
      () =>
        openActorNursery(function* (an) {
          const promises = { onIgnoredAbort: "error", graceMs: 20 } as const;
          const portal = yield* an.startActor("legacy", { enableModules, promises });
          const call = () => portal.run(legacy.ignoresUntilReleased);
          const error = yield* errorOf(cancelWhenRunning(portal, call));
          expect((error as ExceptionGroup).leaves()).toEqual([expect.any(PromiseIgnoredAbort)]);
          yield* portal.run(legacy.release);
          yield* portal.cancelActor();
        }),
      { logTo: (record) => void records.push(record) },
    );
    expect(records.map(({ event }) => event)).toEqual(["warning.PromiseSettledLate"]);
  });

  it("tells an operation of its cancel by the signal too, if that takes it", function* () {
    let said: unknown;
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("legacy", { enableModules });
      yield* cancelWhenRunning(portal, () => portal.run(legacy.takesSignal, {}));
      said = yield* portal.run(legacy.whatSignalSaid);
      yield* portal.cancelActor();
    });
    expect(said).toBe("AbortError: enough");
  });

  it("reports rejections that nobody awaits, and lives on", function* () {
    const records: LogRecord[] = [];
    let after: unknown;
    yield* openRootActor(
      () =>
        openActorNursery(function* (an) {
          const portal = yield* an.startActor("legacy", { enableModules });
          expect(yield* portal.run(legacy.leavesRejections)).toBe("left");
          after = yield* portal.run(legacy.elapsed, { ms: 50 });
          yield* portal.cancelActor();
        }),
      { logTo: (record) => void records.push(record) },
    );
    expect(after).toBeTypeOf("number");
    expect(records.map(({ event }) => event)).toEqual(["warning.UnawaitedRejection", "warning.UnawaitedRejection"]);
    expect(records.map(({ message }) => message).join()).toMatch(/nobody awaits this.*nor this/s);
  });
});

describe("the policy for promises", () => {
  it.each([
    [{ promises: "prison" }, /promises must be "quarantine" or/],
    [{ promises: null }, /promises must be "quarantine" or/],
    [
      { promises: { onIgnoredAbort: "ignore" } },
      /promises: onIgnoredAbort must be one of warn, error, kill-actor, got ignore/,
    ],
    [{ promises: { graceMs: -1 } }, /promises: graceMs must be >= 0, got -1/],
    [{ promises: { leaks: true } }, /promises: leaks must be one of off, warn, error, got true/],
  ])("is refused for %j before a child is started, and the rest goes on", function* (options, message) {
    let error: unknown;
    yield* openActorNursery(function* (an) {
      error = yield* errorOf(an.startActor("legacy", options as ActorOptions));
    });
    expect(String(error)).toMatch(message);
  });

  it("kill-actor raises the error in a root, which nobody can kill", function* () {
    const error = yield* errorOf(
      openRootActor(
        () => moveOnAfter(5, () => runTask(() => new Promise(() => {}), {}, { graceMs: 5, name: "stuck" })),
        { promises: { onIgnoredAbort: "kill-actor" } },
      ),
    );
    expect(error).toBeInstanceOf(PromiseIgnoredAbort);
    expect(error).toMatchObject({ taskName: "stuck", cause: expect.any(ScCancelled) });
  });
});
