/** The notice before a cancellation, for services that ask for it: finish what is in hand, within a bound. */
import type { Operation } from "effection";
import {
  type ActorNurseryOptions,
  ContextCancelled,
  openActorNursery,
  openNursery,
  type PeerContext,
  type Portal,
} from "espalier";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { macrotasks } from "../support/macrotasks.ts";
import { errorOf } from "../support/outcome.ts";
import { serving } from "../support/peer.ts";
import { finishesWork, lastWords, stubborn, unaware, worker } from "./fixtures/closing.ts";

const enableModules = [new URL("./fixtures/closing.ts", import.meta.url)];
const LONG = 60_000;

const withChild = (body: (portal: Portal) => Operation<void>, options: ActorNurseryOptions = {}) =>
  openActorNursery(function* (an) {
    const portal = yield* an.startActor("service", { enableModules });
    yield* body(portal);
  }, options);

describe("a task that is asked to end", () => {
  useCensus();

  it("and takes notice finishes what it has in hand, and returns", function* () {
    yield* withChild(function* (portal) {
      // After the block: a cancellation, were it one, would be absorbed in it, and what follows there never run.
      let left: Pick<PeerContext, "outcome"> | undefined;
      yield* portal.openContext(worker, {}, function* (ctx) {
        left = ctx;
        yield* ctx.openStream(function* (stream) {
          yield* stream.send(1);
          expect(yield* stream.receive()).toBe(1);
          yield* ctx.cancel("the shift is over", { graceMs: LONG });
          yield* ctx.waitForResult();
        });
      });
      expect(left).toMatchObject({ state: "returned", cancelCalled: true, canceller: undefined });
      expect(left?.outcome).toEqual({ ok: true, value: 1 });
      yield* portal.cancelActor();
    });
  });

  it("and takes notice and goes on is cancelled when the time is up, for the reason that was given", function* () {
    const log = new LogFile();
    yield* withChild(function* (portal) {
      yield* portal.openContext(stubborn, { log: log.path }, function* (ctx) {
        yield* ctx.cancel("the shift is over", { graceMs: 50 });
        const error = yield* errorOf(ctx.waitForResult());
        expect(error).toBeInstanceOf(ContextCancelled);
        expect(String(error)).toMatch(/cancelled by root@\w+: the shift is over/);
      });
      expect(log.lines).toEqual(["noticed", "cancelled"]);
      yield* portal.cancelActor();
    });
  });

  it("and takes no notice is cancelled at once", function* () {
    yield* withChild(function* (portal) {
      yield* portal.openContext(unaware, {}, (ctx) => ctx.cancel("now", { graceMs: LONG }));
      yield* portal.cancelActor();
    });
  });
});

describe("an actor that is asked to end", () => {
  useCensus();

  it("lets its tasks finish that take notice, and answers them", function* () {
    const log = new LogFile();
    yield* withChild(function* (portal) {
      yield* openNursery(function* (n) {
        let words: unknown;
        n.startSoon(function* () {
          words = yield* portal.run(lastWords, { log: log.path });
        });
        yield* log.has("began");
        yield* portal.cancelActor({ graceMs: LONG });
        yield* log.has("noticed");
        while (words === undefined) yield* macrotasks(1);
        expect(words).toBe("finished");
      });
    });
  });

  it("by its parent has the time that it was given, though that asks by every way it has", function* () {
    const log = new LogFile();
    yield* withChild(function* (portal) {
      yield* openNursery(function* (n) {
        n.startSoon(function* () {
          expect(yield* portal.run(finishesWork, { log: log.path })).toBe("all done");
        });
        yield* log.has("began");
        yield* portal.cancelActor({ graceMs: LONG });
      });
    });
  });

  it("as part of its nursery gets the time that the nursery's bounds give", function* () {
    const log = new LogFile();
    const steps: string[] = [];
    yield* withChild(
      function* (portal) {
        yield* openNursery(function* (n) {
          n.startSoon(function* () {
            expect(yield* portal.run(lastWords, { log: log.path })).toBe("finished");
          });
          yield* log.has("began");
          yield* portal.cancelActor();
        });
      },
      { onTeardown: ({ step }) => steps.push(step), teardown: { graceMs: LONG } },
    );
    expect(steps).toEqual(["requested", "acknowledged", "reaped"]);
  });
});

describe("a service that is asked to end", () => {
  it("takes no more requests, cancels who takes no notice, and waits for the others", function* () {
    yield* serving({ here: enableModules[0]?.href ?? "" }, function* (peer, channel) {
      const start = { ns: "here", kwargs: {}, uid: ["peer", "peer-uuid"], pld_spec: "typing.Any" } as const;
      const told = (cid: number) => peer.heard.filter((m) => "cid" in m && m.cid === cid).map((m) => m.msg_type);
      peer.say({ msg_type: "Start", ...start, cid: 0, func: "worker" });
      peer.say({ msg_type: "Start", ...start, cid: 2, func: "unaware" });
      yield* macrotasks();
      const cancel = { ns: "self", func: "cancel", kwargs: { reason: "enough", graceMs: LONG } };
      peer.say({ msg_type: "Start", ...start, cid: 4, ...cancel });
      peer.say({ msg_type: "Start", ...start, cid: 6, func: "unaware" });
      yield* macrotasks();
      expect(told(4)).toEqual(["StartAck", "CancelAck"]);
      expect(told(2).at(-1)).toBe("Error");
      expect(told(6)).toEqual(["Error"]);
      expect(told(0).at(-1)).toBe("Return");
      expect(channel.size).toBe(0);
    });
  });
});
