import type { Operation } from "effection";
import {
  ClosedResourceError,
  ContextCancelled,
  checkpoint,
  currentActor,
  ExceptionGroup,
  each,
  moveOnAfter,
  openActorNursery,
  openNursery,
  type PeerContext,
  type Portal,
  RemoteActorError,
  sleep,
  sleepForever,
  TransportClosed,
} from "espalier";
import {
  add,
  counts,
  countsForEver,
  echoes,
  fails,
  failsBeforeStarted,
  failsBelow,
  failsLater,
  neverStarts,
  opensEarly,
  readsAsEffectionDoes,
  startsTwice,
  tellsWhoCancelled,
  waitsInContext,
  whoAmI,
} from "../actor/fixtures/service.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { errorOf } from "../support/outcome.ts";

const enableModules = [new URL("../actor/fixtures/service.ts", import.meta.url)];

function* withChild(body: (portal: Portal) => Operation<void>): Operation<void> {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("child", { enableModules });
    yield* body(portal);
    yield* portal.cancelActor();
  });
}

describe("contexts and their streams", () => {
  useCensus();

  it("B33 the first value arrives before the body runs", function* () {
    yield* withChild(function* (portal) {
      yield* portal.openContext(counts, { to: 0 }, function* (ctx, first) {
        expect(first).toBe("counting");
        expect(yield* ctx.waitForResult()).toBe("counted to 0");
      });
    });
  });

  it.each([
    ["never", neverStarts, /neverStarts returned without calling started\(\)/],
    ["twice", startsTwice, /started\(\) was called twice/],
    ["after the stream is opened", opensEarly, /call started\(\) before the stream is opened/],
  ] as const)("B33 calling started %s is an error of the endpoint", function* (_when, endpoint, message) {
    yield* withChild(function* (portal) {
      const error = yield* errorOf(
        portal.openContext(endpoint as typeof neverStarts, {}, function* (ctx) {
          yield* ctx.waitForResult();
        }),
      );
      expect(error).toBeInstanceOf(RemoteActorError);
      expect(error).toMatchObject({ remoteMessage: expect.stringMatching(message) });
    });
  });

  it("B19 an error before the first value reaches the opener, and the body never runs", function* () {
    yield* withChild(function* (portal) {
      let ran = false;
      const error = yield* errorOf(
        portal.openContext(failsBeforeStarted, {}, function* () {
          ran = true;
        }),
      );
      expect(error).toMatchObject({ remoteName: "SyntaxError", remoteMessage: "before the handshake" });
      expect(ran).toBe(false);
    });
  });

  it("B34 leaving the block waits for the remote task, and what it still sent is dropped", function* () {
    const log = new LogFile();
    yield* withChild(function* (portal) {
      yield* portal.openContext(countsForEver, { log: log.path }, function* (ctx) {
        yield* ctx.openStream(function* (stream) {
          yield* stream.receive();
        });
      });
      expect(log.lines).toEqual(["producer ended"]);
    });
  });

  it("B34 a block that fails cancels the remote task, and waits for it", function* () {
    const log = new LogFile();
    yield* withChild(function* (portal) {
      const error = yield* errorOf(
        portal.openContext(waitsInContext, { name: "task", log: log.path }, function* () {
          yield* log.has("task began");
          throw new Error("the block failed");
        }),
      );
      expect(error).toMatchObject({ message: "the block failed" });
      expect(log.lines).toEqual(["task began", "task cleaned up"]);
    });
  });

  it("a remote task that fails ends the block, with its error", function* () {
    yield* withChild(function* (portal) {
      let ended = "";
      const error = yield* errorOf(
        portal.openContext(failsLater, {}, function* (ctx) {
          try {
            yield* ctx.openStream(function* (stream) {
              yield* stream.send("fail now");
              yield* sleep(60_000);
            });
          } finally {
            ended = "the body was cancelled";
          }
        }),
      );
      expect(error).toMatchObject({ remoteMessage: "I was told to fail" });
      expect(ended).toBe("the body was cancelled");
    });
  });

  it("B35 the callee closes first: the caller sees a clean end, and the result arrives", function* () {
    yield* withChild(function* (portal) {
      const got: number[] = [];
      yield* portal.openContext(counts, { to: 5_000 }, function* (ctx) {
        yield* ctx.openStream(function* (stream) {
          for (const item of yield* each(stream)) {
            got.push(item);
            yield* each.next();
          }
        });
        expect(yield* ctx.waitForResult()).toBe("counted to 5000");
      });
      expect(got).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
    });
  });

  it("B35 B39 the caller closes first: the callee sees a clean end, after it has answered every item", function* () {
    yield* withChild(function* (portal) {
      yield* portal.openContext(echoes, {}, function* (ctx) {
        yield* ctx.openStream(function* (stream) {
          for (const word of ["a", "b", "c"]) {
            yield* stream.send(word);
            expect(yield* stream.receive()).toBe(`${word}!`);
          }
        });
        expect(yield* ctx.waitForResult()).toBe(3);
      });
    });
  });

  it("B38 a stream that was closed is not opened again, and a new context is", function* () {
    yield* withChild(function* (portal) {
      for (const _ of [1, 2]) {
        yield* portal.openContext(echoes, {}, function* (ctx) {
          yield* ctx.openStream(function* () {});
          expect(yield* errorOf(ctx.openStream(function* () {}))).toBeInstanceOf(ClosedResourceError);
        });
      }
    });
  });

  it("a task that waits for its first item in Effection's each is cancelled like any other, and its actor serves on", function* () {
    yield* withChild(function* (portal) {
      yield* portal.openContext(readsAsEffectionDoes, {}, function* (ctx) {
        yield* ctx.openStream(function* (stream) {
          yield* stream.send("a");
          yield* stream.send("b");
        });
        expect(yield* ctx.waitForResult()).toEqual(["a", "b"]);
      });
      yield* portal.openContext(readsAsEffectionDoes, {}, function* (ctx) {
        yield* ctx.cancel();
      });
      expect(yield* portal.run(add, { a: 1, b: 2 })).toBe(3);
    });
  });

  it("what fails in Effection's tree below a call is its caller's error, and not the actor's", function* () {
    yield* withChild(function* (portal) {
      const error = yield* errorOf(portal.run(failsBelow, { when: "before" }));
      expect(error).toMatchObject({ remoteMessage: "failed below" });
      expect(yield* portal.run(failsBelow, { when: "after" })).toBe("answered");
      expect(yield* portal.run(add, { a: 1, b: 2 })).toBe(3);
    });
  });

  it("says at any time how its remote task stands, and afterwards how it ended and who ended it", function* () {
    yield* withChild(function* (portal) {
      const log = new LogFile();
      let cancelled: PeerContext | undefined;
      yield* portal.openContext(waitsInContext, { name: "task", log: log.path }, function* (ctx) {
        cancelled = ctx;
        expect(ctx).toMatchObject({ state: "running", canceller: undefined, maybeError: undefined });
        yield* openNursery(function* (n) {
          n.startSoon(() => ctx.cancel("seen enough"));
          yield* checkpoint();
          yield* checkpoint();
          expect(ctx.state).toBe("cancelling");
        });
        expect(["unwinding", "cancelled"]).toContain(ctx.state);
      });
      const { id } = yield* currentActor();
      expect(cancelled).toMatchObject({ state: "cancelled", canceller: id });
      expect(cancelled?.maybeError).toBeInstanceOf(ContextCancelled);

      const ended: PeerContext[] = [];
      yield* portal.openContext(counts, { to: 0 }, function* (ctx) {
        ended.push(ctx);
        yield* ctx.waitForResult();
        expect(ctx.state).toBe("returned");
      });
      expect(ended[0]).toMatchObject({ state: "returned", maybeError: undefined, canceller: undefined });
      yield* errorOf(
        portal.openContext(failsLater, {}, function* (ctx) {
          ended.push(ctx);
          yield* ctx.openStream(function* (stream) {
            yield* stream.send("now");
            yield* sleepForever();
          });
        }),
      );
      expect(ended[1]).toMatchObject({ state: "failed" });
      expect(ended[1]?.maybeError).toBeInstanceOf(RemoteActorError);
    });
  });

  it("the endpoint's side knows that it was cancelled, and by whom: alone, or with its actor", function* () {
    for (const how of ["context", "actor"] as const) {
      const log = new LogFile();
      yield* withChild(function* (portal) {
        yield* portal.openContext(tellsWhoCancelled, { log: log.path }, function* (ctx) {
          yield* how === "context" ? ctx.cancel() : portal.cancelActor();
        });
      });
      expect(log.lines).toEqual(["before: false undefined", "after: true root"]);
    }
  });

  it("a context whose actor is gone is disconnected", function* () {
    const error = yield* errorOf(
      withChild(function* (portal) {
        let lost: PeerContext | undefined;
        try {
          yield* portal.openContext(countsForEver, { log: "/dev/null" }, function* (ctx) {
            lost = ctx;
            process.kill((yield* portal.run(whoAmI)).pid, "SIGKILL");
            yield* ctx.waitForResult();
          });
        } finally {
          expect(lost?.state).toBe("disconnected");
          expect(lost?.maybeError).toBeInstanceOf(TransportClosed);
        }
      }),
    );
    expect(error).toBeInstanceOf(ExceptionGroup);
  });

  it("B40 a stalled consumer delays no other dialog on the same connection", function* () {
    const log = new LogFile();
    yield* withChild(function* (portal) {
      yield* openNursery(function* (n) {
        const stalled = yield* n.start(function* stall(status: { started: () => void }) {
          yield* portal.openContext(countsForEver, { log: log.path }, function* (ctx) {
            yield* ctx.openStream(
              function* (stream) {
                yield* stream.receive();
                status.started();
                yield* sleep(60_000);
              },
              { capacity: 8 },
            );
          });
        });
        expect(stalled).toBeUndefined();
        for (let i = 0; i < 100; i++) {
          expect(yield* errorOf(portal.run(fails, { message: `${i}` }))).toMatchObject({ remoteMessage: `${i}` });
        }
        n.cancelScope.cancel();
      });
      expect(log.lines).toEqual(["producer ended"]);
    });
  });

  it("a consumer that does not keep up holds its producer back at the capacity it named", function* () {
    const log = new LogFile();
    yield* withChild(function* (portal) {
      yield* moveOnAfter(5_000, () =>
        portal.openContext(countsForEver, { log: log.path }, (ctx) =>
          ctx.openStream(
            function* (stream) {
              yield* stream.receive();
              // A call after it: whatever the producer could send by then has arrived.
              yield* errorOf(portal.run(fails, { message: "fence" }));
              yield* errorOf(portal.run(fails, { message: "fence" }));
              const { received, buffered } = stream.statistics();
              expect(received).toBe(16);
              expect(buffered).toBe(15);
            },
            { capacity: 16 },
          ),
        ),
      );
    });
  });
});
