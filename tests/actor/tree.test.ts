import { until } from "effection";
import {
  currentActor,
  ExceptionGroup,
  isRootProcess,
  NoRuntime,
  openActorNursery,
  openNursery,
  openRootActor,
  type Portal,
  run,
  type TaskStatus,
} from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { errorOf } from "../support/outcome.ts";
import { isAlive, readProcess } from "../support/process-table.ts";
import { add, chain, exits, returnsNothing, returnsNull, waits, whoAmI, withCleanUp } from "./fixtures/service.ts";

const enableModules = [new URL("./fixtures/service.ts", import.meta.url)];

describe("a tree of actors", () => {
  useCensus();

  it("B1 a runtime call outside a runtime fails at once, naming the call and how to start one", function* () {
    const error = yield* errorOf(currentActor());
    expect(error).toBeInstanceOf(NoRuntime);
    expect(String(error)).toMatch(/currentActor\(\).*openActorNursery/);
  });

  it("B2 the first nursery boots the root; a second root is refused; afterwards a new one can be booted", function* () {
    for (const _ of [1, 2]) {
      yield* openActorNursery(function* () {
        const actor = yield* currentActor();
        expect(actor.name).toBe("root");
        expect(actor.isRoot && isRootProcess()).toBe(true);
        expect(String(yield* errorOf(openRootActor(function* () {})))).toMatch(/already actor "root"/);
      });
      expect(yield* errorOf(currentActor())).toBeInstanceOf(NoRuntime);
    }
  });

  it("B2 a second root in another tree of the same process is refused too", function* () {
    yield* openRootActor(function* () {
      const other = run(() => openRootActor(function* () {}));
      expect(String(yield* errorOf(until(other)))).toMatch(/already actor/);
    });
  });

  it("B3 the block does not end before the child has exited and has been waited for", function* () {
    const entry = yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      const child = readProcess((yield* portal.run(whoAmI)).pid);
      expect(child !== undefined && isAlive(child)).toBe(true);
      yield* portal.cancelActor();
      return child;
    });
    expect(entry !== undefined && isAlive(entry)).toBe(false);
  });

  it("B4 a daemon keeps its nursery open until somebody cancels it", function* () {
    let left = false;
    yield* openNursery(function* (n) {
      const daemon = yield* n.start(function* nurseryOfDaemon(status: TaskStatus<Portal>) {
        yield* openActorNursery(function* (an) {
          status.started(yield* an.startActor("daemon", { enableModules }));
        });
        left = true;
      });
      // The body of its nursery has long returned, and the nursery is still there.
      expect(yield* daemon.run(add, { a: 1, b: 1 })).toBe(2);
      expect(left).toBe(false);
      yield* daemon.cancelActor();
    });
    expect(left).toBe(true);
  });

  it.each([
    ["a value", add, { a: 2, b: 3 }, 5],
    ["undefined", returnsNothing, undefined, undefined],
    ["null", returnsNull, undefined, null],
  ] as const)(
    "B5 a one-shot child is reaped when its result arrives, and %s can be read twice",
    function* (_, fn, args, expected) {
      const steps: string[] = [];
      const onTeardown = (event: { step: string }) => steps.push(event.step);
      yield* openActorNursery(
        function* (an) {
          const one = yield* an.runInActor(fn as typeof add, args as { a: number; b: number }, { enableModules });
          expect(yield* one.waitForResult()).toBe(expected);
          expect(yield* one.waitForResult()).toBe(expected);
        },
        { onTeardown },
      );
      expect(steps).toEqual(["requested", "acknowledged", "reaped"]);
    },
  );

  it("B5 the failure of a one-shot is a failure of its nursery, though nobody reads the result", function* () {
    const error = yield* errorOf(
      openActorNursery(function* (an) {
        yield* an.runInActor(chain, { depth: 0, what: "fail" }, { enableModules });
      }),
    );
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).leaves()).toMatchObject([{ remoteMessage: "failed at the bottom" }]);
  });

  it("B6 actors spawn actors to any depth, and results and errors travel through every level", function* () {
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("level3", { enableModules });
      expect(yield* portal.run(chain, { depth: 3, what: "name" })).toBe("level0");
      const error = yield* errorOf(portal.run(chain, { depth: 2, what: "fail" }));
      expect(error).toMatchObject({ name: "RemoteActorError" });
      expect(String((error as Error).stack)).toContain("tree.test.ts");
      yield* portal.cancelActor();
    });
  }, 40_000);

  it("B9 clean-up runs when the actor is cancelled, last one first", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      yield* portal.run(withCleanUp, { log: log.path });
      yield* portal.cancelActor();
    });
    expect(log.lines).toEqual(["second", "first"]);
  });

  it("B9 clean-up runs on SIGTERM, and SIGINT is left to the root", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      yield* portal.run(withCleanUp, { log: log.path });
      const { pid } = yield* portal.run(whoAmI);
      expect(portal.pid).toBe(pid);
      process.kill(pid, "SIGINT");
      expect(yield* portal.run(add, { a: 1, b: 1 })).toBe(2);
      process.kill(pid, "SIGTERM");
    });
    expect(log.lines).toEqual(["second", "first"]);
  });

  it("B9 clean-up of the root runs on normal exit and on error, and its own errors are not lost", function* () {
    const log: string[] = [];
    yield* openRootActor(function* (actor) {
      actor.lifetime.callback(() => void log.push("clean"));
      actor.lifetime.callback(() => void log.push("taken back"))();
    });
    expect(log).toEqual(["clean"]);
    const error = yield* errorOf(
      openRootActor(function* (actor) {
        actor.lifetime.callback(() => {
          throw new Error("clean-up failed");
        });
        throw new Error("work failed");
      }),
    );
    expect((error as ExceptionGroup).leaves().map(String)).toEqual(["Error: work failed", "Error: clean-up failed"]);
  });

  it("B10 the process title names the actor", function* () {
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("tock", { enableModules });
      expect((yield* portal.run(whoAmI)).title).toBe("espalier:tock");
      yield* portal.cancelActor();
    });
  });

  it("a child that ends unasked fails its nursery, with its status and stderr", function* () {
    const error = yield* errorOf(
      openActorNursery(function* (an) {
        const portal = yield* an.startActor("child", { enableModules });
        yield* errorOf(portal.run(exits, { status: 7 }));
      }),
    );
    expect((error as ExceptionGroup).leaves()).toMatchObject([
      { name: "ActorDied", exitCode: 7, actor: { name: "child" } },
    ]);
  });

  it("a child that dies while it is called fails its nursery too, beside the error of the call", function* () {
    const error = yield* errorOf(
      openActorNursery(function* (an) {
        const portal = yield* an.startActor("child", { enableModules });
        yield* portal.run(exits, { status: 7 });
      }),
    );
    const names = (error as ExceptionGroup).leaves().map((leaf) => (leaf as Error).name);
    expect(names.sort()).toEqual(["ActorDied", "TransportClosed"]);
  });

  it("a nursery that is cancelled while a child works cancels the work, and waits for its clean-up", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      yield* openNursery(function* (n) {
        n.startSoon(() => portal.run(waits, { name: "work", log: log.path }));
        yield* log.has("work began");
        an.cancelScope.cancel("enough");
      });
    });
    expect(log.lines).toEqual(["work began", "work cleaned up"]);
  });
});
