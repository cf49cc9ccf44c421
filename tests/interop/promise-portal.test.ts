/** A guest's actors, as Promise code uses them: real processes. */
import { getEventListeners } from "node:events";
import { take } from "rxjs";
import {
  ActorDied,
  ActorSpawnError,
  BusyResourceError,
  ConnectError,
  ContextCancelled,
  EndOfChannel,
  ExceptionGroup,
  RemoteActorError,
  run,
  TooSlowError,
  TransportClosed,
} from "../../core/mod.ts";
import { ContextLeft, GuestClosed, type GuestRun, type StartedActor, startGuestRun } from "../../interop/mod.ts";
import { MAX_WAITING_SENDS } from "../../to_promise/mod.ts";
import { useCensus } from "../support/census.ts";
import { describe, expect, it } from "../support/it.ts";
import { LogFile } from "../support/log-file.ts";
import { readProcess } from "../support/process-table.ts";
import { useTempDir } from "../support/temp-dir.ts";
import {
  add,
  brief,
  counting,
  deaf,
  failing,
  fails,
  failsLate,
  hasDeadline,
  neverStarts,
  pid,
  ping,
  sparse,
  summing,
  waits,
} from "./fixtures/feed.ts";

/** For what another process has to say first; a busy machine takes its time. */
const SOON = { timeout: 15_000 };

const enableModules = [import.meta.resolve("./fixtures/feed.ts")];

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    return new Error(`it was fulfilled with ${String(await promise)}`);
  } catch (error) {
    return error;
  }
}

/** Run `body` with a guest that has one actor; both have ended when this resolves. */
async function withFeed(body: (feed: StartedActor, guest: GuestRun) => Promise<void>): Promise<void> {
  await using guest = await startGuestRun();
  await body(await guest.startActor("feed", { enableModules }), guest);
}

describe("a portal for Promise code", () => {
  useCensus();

  it("calls functions, with and without arguments; errors come whole, and the guest goes on", () =>
    withFeed(async (feed, guest) => {
      expect(await feed.run(add, { a: 1, b: 2 })).toBe(3);
      expect(await feed.run(ping)).toBe("pong");
      const error = await rejection(feed.run(fails, { why: "too far" }));
      expect(error).toBeInstanceOf(RemoteActorError);
      expect(error).toMatchObject({ remoteName: "RangeError", remoteMessage: "too far", srcActor: feed.actor });
      expect(feed.pid).toBe(await feed.run(pid));
      expect(await guest.run(() => feed.operations.run(add, { a: 2, b: 2 }))).toBe(4);
      expect(await guest.portal(feed.operations).run(ping)).toBe("pong");
      expect(await feed.detached.run(ping)).toBe("pong");
    }));

  it("cancels a call over there by its signal or its time, and waits until it has unwound", () =>
    withFeed(async (feed) => {
      const log = new LogFile();
      const controller = new AbortController();
      const call = rejection(feed.run(waits, { log: log.path }, { signal: controller.signal }));
      await run(() => log.has("began"));
      const reason = new Error("the client has left");
      controller.abort(reason);
      expect(await call).toBe(reason);
      expect(log.lines).toEqual(["began", "ended"]);
      expect(getEventListeners(controller.signal, "abort")).toEqual([]);
      const late = await rejection(feed.run(waits, { log: log.path }, { timeoutMs: 100 }));
      expect(late).toBeInstanceOf(TooSlowError);
      expect(log.lines).toEqual(["began", "ended", "began", "ended"]);
      expect(await feed.run(hasDeadline, {}, { timeoutMs: 5_000 })).toBe(true);
      expect(await feed.run(hasDeadline)).toBe(false);
    }));

  it("streams items in order; leaving the loop cancels the producer and waits for it; each loop starts anew", () =>
    withFeed(async (feed) => {
      const log = new LogFile();
      const stream = feed.stream(counting, { from: 3, log: log.path }, { capacity: 4 });
      for (let round = 1; round <= 2; round++) {
        const seen: number[] = [];
        for await (const n of stream) {
          seen.push(n);
          if (n === 5) break;
        }
        expect(seen).toEqual([3, 4, 5]);
        expect(log.lines.length).toBe(round);
      }
      // Held back to the pace of this side.
      for (const line of log.lines) expect(Number(line)).toBeLessThanOrEqual(5 + 2 * 4 + 2);
      const all: number[] = [];
      for await (const n of feed.stream(counting, { from: 1, to: 1_000 })) all.push(n);
      expect(all).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
    }));

  it("gives a producer's items as an observable; unsubscribing ends it over there", () =>
    withFeed(async (feed) => {
      const log = new LogFile();
      const seen: number[] = [];
      const items = feed.observe(counting, { from: 0, log: log.path });
      await new Promise<void>((resolve, reject) => {
        items.pipe(take(3)).subscribe({ next: (item) => seen.push(item), error: reject, complete: resolve });
      });
      await items.finalized();
      expect(seen).toEqual([0, 1, 2]);
      expect(log.lines.length).toBe(1);
    }));

  it("starts no producer before the first item is asked for", () =>
    withFeed(async (feed) => {
      const log = new LogFile();
      const iterator = feed.stream(counting, { from: 1, log: log.path })[Symbol.asyncIterator]();
      expect(await feed.run(ping)).toBe("pong");
      await iterator.return?.();
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
      expect(await feed.run(ping)).toBe("pong");
      expect(log.lines).toEqual([]);
    }));

  it("tells a stream's failure after its items, once, and that of its signal", () =>
    withFeed(async (feed) => {
      const iterator = feed.stream(failing, {})[Symbol.asyncIterator]();
      expect(await iterator.next()).toEqual({ done: false, value: 1 });
      expect(await rejection(iterator.next())).toMatchObject({ remoteMessage: "no more" });
      expect(await iterator.next()).toEqual({ done: true, value: undefined });

      const unread = feed.stream(failing, {})[Symbol.asyncIterator]();
      await unread.next();
      expect(await feed.run(ping)).toBe("pong"); // its failure has come meanwhile
      expect(await rejection(unread.return?.() ?? Promise.resolve())).toMatchObject({ remoteMessage: "no more" });

      const controller = new AbortController();
      const log = new LogFile();
      const reason = new Error("the client has left");
      const reading = async () => {
        const options = { signal: controller.signal };
        for await (const n of feed.stream(counting, { from: 1, log: log.path }, options)) {
          if (n === 3) controller.abort(reason);
        }
      };
      expect(await rejection(reading())).toBe(reason);
      expect(log.lines.length).toBe(1);
    }));

  it("leaves a stream that gives nothing, also while its next item is waited for", () =>
    withFeed(async (feed) => {
      const iterator = feed.stream(sparse, {})[Symbol.asyncIterator]();
      await iterator.next();
      const next = iterator.next();
      await iterator.return?.();
      expect(await next).toEqual({ done: true, value: undefined });
    }));

  it("refuses a bad option, naming it", () =>
    withFeed(async (feed) => {
      const iterator = feed.stream(counting, { from: 1 }, { capacity: 0 })[Symbol.asyncIterator]();
      expect(await rejection(iterator.next())).toBeInstanceOf(RangeError);
      expect(await rejection(feed.openContext(summing, { start: 1 }, { capacity: 0 }))).toBeInstanceOf(RangeError);
      expect(String(await rejection(feed.run(ping, {}, { timeoutMs: -1 })))).toMatch(/timeoutMs/);
    }));

  it("opens a context: first value, items both ways, and the result after the stream was closed", () =>
    withFeed(async (feed) => {
      await using ctx = await feed.openContext(summing, { start: 10 });
      expect(ctx.first).toBe("ready");
      expect(ctx.state).toBe("running");
      await Promise.all([ctx.send(1), ctx.send(2)]);
      expect(ctx.trySend(3)).toBe(true);
      const seen: number[] = [];
      for await (const sum of ctx) {
        seen.push(sum);
        if (sum === 16) break;
      }
      expect(seen).toEqual([11, 13, 16]);
      await ctx.send(4); // leaving the loop has not left the context
      expect(await ctx.receive()).toBe(20);
      await ctx.closeStream();
      expect(await ctx.result()).toBe(20);
      expect(await ctx.result()).toBe(20);
      expect(ctx.state).toBe("returned");
      expect(await rejection(ctx.send(5))).toBeInstanceOf(ContextLeft);
    }));

  it("closing a context's stream lets sends leave first, and ends what still reads", () =>
    withFeed(async (feed) => {
      await using ctx = await feed.openContext(summing, { start: 0 });
      const next = ctx[Symbol.asyncIterator]();
      const receiving = [next.next(), next.next(), next.next()];
      const sent = ctx.send(1);
      expect(await receiving[0]).toEqual({ done: false, value: 1 });
      await ctx.closeStream();
      await sent;
      expect(await Promise.all(receiving.slice(1))).toEqual([{ done: true }, { done: true }]);
      expect(await ctx.result()).toBe(1);
      await ctx.closeStream(); // once more does no harm
    }));

  it("reads what a context has sent before it returned", () =>
    withFeed(async (feed) => {
      await using ctx = await feed.openContext(brief, {});
      expect(await ctx.result()).toBe("brief");
      const seen: number[] = [];
      for await (const n of ctx) seen.push(n);
      expect(seen).toEqual([1, 2, 3]);
      expect(await rejection(ctx.receive())).toBeInstanceOf(EndOfChannel);
    }));

  it("leaving a context's block cancels a remote task that still runs, and waits for it", () =>
    withFeed(async (feed) => {
      const log = new LogFile();
      let receiving: Promise<unknown> | undefined;
      {
        await using ctx = await feed.openContext(summing, { start: 0, log: log.path });
        receiving = rejection(ctx.receive());
        expect(log.lines).toEqual([]);
      }
      expect(log.lines).toEqual(["ended"]);
      expect(await receiving).toBeInstanceOf(ContextLeft);
    }));

  it("cancels a context by its signal, and rejects with the signal's reason what waits", () =>
    withFeed(async (feed) => {
      const log = new LogFile();
      const controller = new AbortController();
      const { signal } = controller;
      const reason = new Error("the client has left");
      await using ctx = await feed.openContext(summing, { start: 0, log: log.path }, { signal });
      const waiting = [ctx.receive(), ctx.result(), ctx.closeStream()].map(rejection);
      controller.abort(reason);
      expect(await Promise.all(waiting)).toEqual([reason, reason, reason]);
      expect(await rejection(ctx.send(1))).toBe(reason);
      await run(() => log.has("ended"));
      expect(await rejection(feed.openContext(summing, { start: 0 }, { signal }))).toBe(reason);
      await ctx.close();
      expect(getEventListeners(signal, "abort")).toEqual([]);
    }));

  it("cancels the remote task of a context on request, and its result says so", () =>
    withFeed(async (feed, guest) => {
      await using ctx = await feed.openContext(summing, { start: 0 });
      await ctx.cancel("enough");
      const error = await rejection(ctx.result());
      expect(error).toBeInstanceOf(ContextCancelled);
      expect((error as ContextCancelled).canceller).toEqual(guest.actor.id);
      expect(ctx.state).toBe("cancelled");
    }));

  it("bounds single calls on a context in time, and the context goes on", () =>
    withFeed(async (feed) => {
      await using ctx = await feed.openContext(summing, { start: 0 });
      expect(await rejection(ctx.receive({ timeoutMs: 5 }))).toBeInstanceOf(TooSlowError);
      expect(await rejection(ctx.result({ timeoutMs: 5 }))).toBeInstanceOf(TooSlowError);
      await ctx.send(7);
      expect(await ctx.receive()).toBe(7);
    }));

  it("waits with a send for the peer's room, and refuses more of them than can wait", () =>
    withFeed(async (feed) => {
      await using ctx = await feed.openContext(deaf, {});
      // Its room is told after its first value.
      await ctx.send(0);
      while (ctx.trySend(0));
      const refused = await rejection(ctx.send(0, { timeoutMs: 5 }));
      expect(refused).toBeInstanceOf(TooSlowError);
      const waiting = Array.from({ length: MAX_WAITING_SENDS }, () => rejection(ctx.send(0)));
      const more = await rejection(ctx.send(0));
      expect(more).toBeInstanceOf(BusyResourceError);
      expect(String(more)).toMatch(/await ctx.send\(\)/);
      await ctx.close();
      const outcomes = new Set((await Promise.all(waiting)).map((error) => (error as Error).name));
      expect([...outcomes]).toEqual(["ContextLeft"]);
    }));

  it("raises a context's failure at whoever asks, or where its block is left, and nowhere twice", () =>
    withFeed(async (feed) => {
      expect(await rejection(feed.openContext(neverStarts, {}))).toMatchObject({ remoteName: "RangeError" });
      const unasked = async () => {
        await using ctx = await feed.openContext(failsLate, {});
        await ctx.send("now");
        await expect.poll(() => ctx.state, SOON).toBe("failed");
      };
      expect(await rejection(unasked())).toMatchObject({ remoteMessage: "failed late" });
      const asked = async () => {
        await using ctx = await feed.openContext(failsLate, {});
        await ctx.send("now");
        expect(await rejection(ctx.result())).toMatchObject({ remoteMessage: "failed late" });
        expect(await rejection(ctx.receive())).toMatchObject({ remoteMessage: "failed late" });
      };
      await asked();
    }));

  it("reports a context's failure that nobody has looked at, at the latest when the guest ends", async () => {
    const reported: string[] = [];
    const onWarning = (warning: Error) => reported.push(`${warning.name}: ${warning.message}`);
    process.on("warning", onWarning);
    await withFeed(async (feed) => {
      const ctx = await feed.openContext(failsLate, {});
      const seen = await feed.openContext(failsLate, {});
      for (const each of [ctx, seen]) await each.send("now");
      await expect.poll(() => ctx.state, SOON).toBe("failed");
      await rejection(seen.result());
    });
    await expect.poll(() => reported.length, SOON).toBe(1);
    process.off("warning", onWarning);
    expect(reported).toEqual([expect.stringMatching(/^UnseenFailure: a context in actor "feed" .*failed late/)]);
  });

  it("cancels an actor, and waits until its process has ended", async () => {
    await using guest = await startGuestRun();
    let child: ReturnType<typeof readProcess>;
    {
      await using feed = await guest.startActor("feed", { enableModules });
      child = readProcess(await feed.run(pid));
      expect(child).toBeDefined();
    }
    expect(readProcess(child?.pid ?? 0)).toBeUndefined();
    const other = await guest.startActor("other", { enableModules });
    const otherPid = await other.run(pid);
    await other.cancelActor();
    expect(readProcess(otherPid)).toBeUndefined();
    expect(guest.signal.aborted).toBe(false);
  });

  it("connects to an actor by its address, and closing the connection leaves that as it is", () =>
    withFeed(async (feed, guest) => {
      const address = `/unix${useTempDir()}/peer.sock`;
      expect(await rejection(guest.openPortalTo(address))).toBeInstanceOf(ConnectError);
      expect(await rejection(guest.openPortalTo("nowhere"))).toBeInstanceOf(RangeError);
      const listening = await guest.startActor("listening", { enableModules, bindAddrs: [address] });
      const log = new LogFile();
      let call: Promise<unknown>;
      {
        await using peer = await guest.openPortalTo(address, { modules: enableModules });
        expect(peer.actor).toEqual(listening.actor);
        expect(await peer.run(add, { a: 1, b: 2 })).toBe(3);
        call = rejection(peer.run(waits, { log: log.path }));
        await run(() => log.has("began"));
      }
      expect(await call).toBeInstanceOf(TransportClosed);
      expect(await listening.run(ping)).toBe("pong");
      expect(await feed.run(ping)).toBe("pong");
      const left = await guest.openPortalTo(address, { modules: enableModules });
      await guest.close();
      await left.close();
    }));

  it("fails to start an actor, or gives up starting it, and the guest goes on", async () => {
    await using guest = await startGuestRun();
    const missing = guest.startActor("bad", { enableModules: [import.meta.resolve("./fixtures/nowhere.ts")] });
    expect(await rejection(missing)).toBeInstanceOf(ActorSpawnError);
    expect(await rejection(guest.startActor(""))).toBeInstanceOf(TypeError);
    const reason = new Error("no time");
    const controller = new AbortController();
    const slow = rejection(guest.startActor("slow", { enableModules, signal: controller.signal }));
    setImmediate(() => controller.abort(reason));
    expect(await slow).toBe(reason);
    expect(await (await guest.startActor("good", { enableModules })).run(ping)).toBe("pong");
  });

  it("an actor's death is the guest's failure: all else is cancelled, and each later call names it", async () => {
    const guest = await startGuestRun({ name: "web" });
    const { closed } = guest;
    const healthy = await guest.startActor("healthy", { enableModules });
    const doomed = await guest.startActor("doomed", { enableModules });
    const log = new LogFile();
    const call = rejection(healthy.run(waits, { log: log.path }));
    const context = await healthy.openContext(summing, { start: 0 });
    await run(() => log.has("began"));
    process.kill(await doomed.run(pid), "SIGKILL");
    const failure = await rejection(closed);
    expect(failure).toBeInstanceOf(ExceptionGroup);
    expect((failure as ExceptionGroup).errors).toEqual([expect.any(ActorDied)]);
    expect(log.lines).toEqual(["began", "ended"]);
    const late = [
      await call,
      await rejection(healthy.run(ping)),
      await rejection(context.receive()),
      await rejection(guest.startActor("more", { enableModules })),
      await rejection(healthy.stream(counting, { from: 1 })[Symbol.asyncIterator]().next()),
      await rejection(healthy.openContext(summing, { start: 0 })),
    ];
    for (const error of late) {
      expect(error).toBeInstanceOf(GuestClosed);
      expect((error as GuestClosed).cause).toBe((failure as ExceptionGroup).errors[0]);
      expect(String(error)).toMatch(/guest run "web" has failed: .*doomed.*SIGKILL/);
    }
    await healthy[Symbol.asyncDispose](); // has ended with its guest
    await context.close(); // has ended too
  });

  it("closing the guest cancels and waits for everything in its actors", async () => {
    const guest = await startGuestRun();
    const feed = await guest.startActor("feed", { enableModules });
    const log = new LogFile();
    const call = rejection(feed.run(waits, { log: log.path }));
    const context = await feed.openContext(summing, { start: 0 });
    const receiving = rejection(context.receive());
    const items = feed.stream(sparse, {})[Symbol.asyncIterator]();
    await items.next();
    const next = rejection(items.next());
    await run(() => log.has("began"));
    await guest.close("shutting down");
    expect(log.lines).toEqual(["began", "ended"]);
    expect(await call).toMatchObject({ name: "GuestClosed", reason: "shutting down" });
    expect(await receiving).toMatchObject({ name: "GuestClosed", reason: "shutting down" });
    expect(await next).toMatchObject({ name: "GuestClosed", reason: "shutting down" });
    await context.close();
  });
});
