import {
  ActorTooSlowError,
  ContextCancelled,
  ExceptionGroup,
  type LogRecord,
  moveOnAfter,
  openActorNursery,
  openNursery,
  openRootActor,
  type PeerContext,
  sleepForever,
  type TaskStatus,
  type TeardownEvent,
} from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { errorOf } from "../support/outcome.ts";
import {
  add,
  blocks,
  cancelsItsActor,
  cleansUpSlowly,
  countsForEver,
  fails,
  remainingMs,
  waits,
  waitsInContext,
  whoAmI,
} from "./fixtures/service.ts";

const enableModules = [new URL("./fixtures/service.ts", import.meta.url)];

describe("cancellation across processes", () => {
  useCensus();

  it("B21 one failing child cancels its siblings, then the error leaves the block", function* () {
    const log = new LogFile();
    const error = yield* errorOf(
      openActorNursery(function* (an) {
        yield* an.runInActor(waits, { name: "sibling", log: log.path }, { enableModules });
        yield* log.has("sibling began");
        yield* an.runInActor(fails, { message: "one failed" }, { enableModules });
      }),
    );
    expect((error as ExceptionGroup).leaves()).toMatchObject([{ remoteMessage: "one failed" }]);
    expect(log.lines).toEqual(["sibling began", "sibling cleaned up"]);
  });

  it("B23 an actor that is cancelled through its portal is asked once, by whoever asks", function* () {
    const asked: string[] = [];
    const logTo = ({ event, actor }: LogRecord) => {
      if (event === "cancel.received") asked.push(actor);
    };
    yield* openRootActor(
      () =>
        openActorNursery(function* (an) {
          const portal = yield* an.startActor("child", { enableModules });
          yield* portal.cancelActor();
        }),
      { logLevel: "cancel", logTo },
    );
    expect(asked).toEqual([expect.stringContaining("child")]);
  });

  it("B23 cancelling one call, one context or one actor affects exactly that", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const one = yield* an.startActor("one", { enableModules });
      const two = yield* an.startActor("two", { enableModules });
      yield* openNursery(function* (n) {
        n.startSoon(() => two.run(waits, { name: "bystander", log: log.path }));
        yield* log.has("bystander began");
        yield* moveOnAfter(50, () => one.run(waits, { name: "call", log: log.path }));
        yield* one.openContext(waitsInContext, { name: "context", log: log.path }, function* (ctx) {
          yield* log.has("context began");
          yield* ctx.cancel();
          expect(ctx.cancelCalled && ctx.cancelAcked).toBe(true);
        });
        expect(log.lines.filter((line) => line.endsWith("cleaned up"))).toEqual([
          "call cleaned up",
          "context cleaned up",
        ]);
        yield* one.cancelActor();
        expect(yield* two.run(add, { a: 1, b: 1 })).toBe(2);
        n.cancelScope.cancel();
      });
      yield* two.cancelActor();
    });
    expect(log.lines.at(-1)).toBe("bystander cleaned up");
  });

  it("B23 a teardown goes up its ladder: requested, acknowledged, reaped", function* () {
    const events: TeardownEvent[] = [];
    yield* openActorNursery(
      function* (an) {
        yield* an.startActor("child", { enableModules });
        an.cancelScope.cancel("that is enough");
      },
      { onTeardown: (event) => void events.push(event) },
    );
    expect(events.map((event) => event.step)).toEqual(["requested", "acknowledged", "reaped"]);
    expect(events[0]).toMatchObject({ actor: { name: "child" }, reason: expect.stringContaining("that is enough") });
  });

  it("B23 B24 a child that does not acknowledge is reported, asked by SIGTERM, and killed", function* () {
    const log = new LogFile();
    const steps: string[] = [];
    const error = yield* errorOf(
      openActorNursery(
        function* (an) {
          const portal = yield* an.startActor("stuck", { enableModules });
          yield* openNursery(function* (n) {
            n.startSoon(() => portal.run(blocks, { ms: 60_000, log: log.path }));
            yield* log.has("blocking");
            an.cancelScope.cancel("no patience");
          });
        },
        { onTeardown: (event) => void steps.push(event.step), teardown: { ackMs: 300, termMs: 200 } },
      ),
    );
    expect(error).toBeInstanceOf(ExceptionGroup);
    expect((error as ExceptionGroup).leaves().some((e) => e instanceof ActorTooSlowError)).toBe(true);
    expect(steps).toEqual(["requested", "not acknowledged", "SIGTERM", "SIGKILL", "reaped"]);
  });

  it("B26 a cancel of my own is absorbed where the block ends; one of the other side is raised, with its name", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      const value = yield* portal.openContext(waitsInContext, { name: "mine", log: log.path }, function* (ctx) {
        yield* ctx.cancel("I had enough");
        expect(yield* errorOf(ctx.waitForResult())).toBeInstanceOf(ContextCancelled);
        return "the block goes on";
      });
      expect(value).toBe("the block goes on");
      const error = yield* errorOf(
        portal.openContext(waitsInContext, { name: "theirs", log: log.path }, function* (ctx) {
          process.kill((yield* portal.run(whoAmI)).pid, "SIGTERM");
          yield* ctx.waitForResult();
        }),
      );
      expect(error).toBeInstanceOf(ContextCancelled);
      expect(error).toMatchObject({ canceller: portal.actor, message: expect.stringContaining("SIGTERM") });
    });
  });

  it("B30 a local time-out cancels the remote task, which knows the time it has, and waits for it", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      const left = yield* moveOnAfter(5_000, () => portal.run(remainingMs));
      expect(left).toBeGreaterThan(1_000);
      expect(left).toBeLessThanOrEqual(5_000);
      expect(yield* portal.run(remainingMs)).toBe(Number.POSITIVE_INFINITY);
      yield* moveOnAfter(100, () => portal.run(waits, { name: "call", log: log.path }));
      expect(log.lines).toEqual(["call began", "call cleaned up"]);
      yield* portal.cancelActor();
    });
  });

  it("B30 a cancelled call is left when the remote clean-up has ended, and not when the cancel is acknowledged", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      yield* openNursery(function* (n) {
        n.startSoon(() => portal.run(cleansUpSlowly, { log: log.path }));
        yield* log.has("began");
        n.cancelScope.cancel();
      });
      expect(log.lines).toEqual(["began", "cleaned up"]);
      yield* portal.cancelActor();
    });
  });

  it("B31 leaving or cancelling the consumer of an endless producer stops the producer", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("child", { enableModules });
      const result = yield* portal.openContext(countsForEver, { log: log.path }, function* (ctx) {
        yield* ctx.openStream(function* (stream) {
          expect(yield* stream.receive()).toBe(0);
        });
        return yield* ctx.waitForResult();
      });
      expect(result).toBe("the caller had enough");
      yield* moveOnAfter(100, () =>
        portal.openContext(countsForEver, { log: log.path }, (ctx) =>
          ctx.openStream(function* (stream) {
            for (;;) yield* stream.receive();
          }),
        ),
      );
      expect(log.lines).toEqual(["producer ended", "producer ended"]);
      yield* portal.cancelActor();
    });
  });

  it("B28 a context cancelled by another task than its opener's is left in the same way", function* () {
    const log = new LogFile();
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("one", { enableModules });
      yield* openNursery(function* (n) {
        const ctx = yield* n.start(function* opener(status: TaskStatus<PeerContext>) {
          yield* portal.openContext(waitsInContext, { name: "context", log: log.path }, function* (opened) {
            status.started(opened);
            yield* errorOf(opened.waitForResult());
          });
          yield* log.has("context cleaned up");
        });
        yield* ctx.cancel("by another task");
        expect(ctx.cancelAcked).toBe(true);
      });
      expect(log.lines).toEqual(["context began", "context cleaned up"]);
      yield* portal.cancelActor();
    });
  });

  it("B29 a child that cancels itself before the first value reaches the opener as a cancel that names it", function* () {
    yield* openActorNursery(function* (an) {
      const portal = yield* an.startActor("suicidal", { enableModules });
      const error = yield* errorOf(portal.openContext(cancelsItsActor, {}, function* () {}));
      expect(error).toMatchObject({ name: "ContextCancelled", canceller: portal.actor });
    });
  });

  it("B32 of two actors with the same name the right one is cancelled", function* () {
    yield* openActorNursery(function* (an) {
      const one = yield* an.startActor("twin", { enableModules });
      const two = yield* an.startActor("twin", { enableModules });
      const { pid } = yield* two.run(whoAmI);
      expect(pid).not.toBe((yield* one.run(whoAmI)).pid);
      yield* one.cancelActor();
      expect(yield* errorOf(one.run(add, { a: 1, b: 1 }))).toBeInstanceOf(Error);
      expect((yield* two.run(whoAmI)).pid).toBe(pid);
      yield* two.cancelActor();
    });
  });

  it("B17 a cancellation during clean-up never hides the error that caused it", function* () {
    const log = new LogFile();
    let error: unknown;
    yield* openNursery(function* (outer) {
      outer.startSoon(function* () {
        error = yield* errorOf(
          openActorNursery(
            function* (an) {
              yield* an.runInActor(cleansUpSlowly, { log: log.path }, { enableModules });
              yield* log.has("began");
              yield* an.runInActor(fails, { message: "the cause" }, { enableModules });
              yield* sleepForever();
            },
            {
              // The siblings are being ended because of it.
              onTeardown: () => outer.cancelScope.cancel("and now from outside"),
            },
          ),
        );
      });
    });
    expect((error as ExceptionGroup).leaves()).toContainEqual(expect.objectContaining({ remoteMessage: "the cause" }));
    expect(log.lines).toEqual(["began", "cleaned up"]);
  });

  it("B23 a whole nursery is torn down at once: all are asked before the first has gone", function* () {
    const steps: string[] = [];
    yield* openActorNursery(
      function* (an) {
        yield* openNursery(function* (n) {
          for (let i = 0; i < 6; i++) n.startSoon(() => an.startActor(`child ${i}`, { enableModules }));
        });
        an.cancelScope.cancel("all of them");
      },
      { onTeardown: ({ step }) => steps.push(step) },
    );
    const firstGone = steps.indexOf("reaped");
    expect(steps.slice(0, firstGone).filter((step) => step === "requested")).toHaveLength(6);
    expect(steps.filter((step) => step === "reaped")).toHaveLength(6);
  });
});
