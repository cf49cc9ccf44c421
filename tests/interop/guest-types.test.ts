/** What an endpoint declares is what Promise code sees. Checked by the compiler; at run time there is nothing to see. */
import { remote } from "espalier";
import {
  type GuestRun,
  type PromiseContext,
  type PromisePortal,
  type StartedActor,
  startGuestRun,
} from "espalier/interop";
import { expectTypeOf, it } from "vitest";
import { brief, counting, ping, summing } from "./fixtures/feed.ts";

const feed = remote<typeof import("./fixtures/feed.ts")>("feed");

async function fetchPage({ url }: { url: string }, { signal }: { signal: AbortSignal }): Promise<string> {
  return `${url}${signal.aborted}`;
}
function* optional({ n = 1 }: { n?: number }) {
  return n;
}

async function _portal(portal: PromisePortal) {
  const signal = AbortSignal.timeout(1);
  expectTypeOf(portal.run(ping)).toEqualTypeOf<Promise<"pong">>();
  expectTypeOf(portal.run(ping, {}, { signal })).toEqualTypeOf<Promise<"pong">>();
  expectTypeOf(portal.run(fetchPage, { url: "" }, { timeoutMs: 5 })).toEqualTypeOf<Promise<string>>();
  expectTypeOf(portal.run(optional)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(portal.run(feed.add, { a: 1, b: 2 })).toEqualTypeOf<Promise<number>>();
  // @ts-expect-error it needs its arguments
  portal.run(fetchPage);
  // @ts-expect-error of the right types
  portal.run(feed.add, { a: 1, b: "2" });
  // @ts-expect-error options come third
  portal.run(ping, { signal });

  expectTypeOf(portal.stream(counting, { from: 1 })).toEqualTypeOf<AsyncIterable<number, void>>();
  expectTypeOf(portal.stream(feed.counting, { from: 1 }, { signal })).toEqualTypeOf<AsyncIterable<number, void>>();
  // @ts-expect-error it counts from a number
  portal.stream(counting, { from: "1" });
  // @ts-expect-error a context is opened
  portal.stream(summing, { start: 1 });

  const ctx = await portal.openContext(summing, { start: 1 }, { signal, capacity: 5 });
  expectTypeOf(ctx.first).toEqualTypeOf<string>();
  expectTypeOf(ctx.receive()).toEqualTypeOf<Promise<number>>();
  expectTypeOf(ctx.result()).toEqualTypeOf<Promise<number>>();
  expectTypeOf(ctx.send).parameter(0).toEqualTypeOf<number>();
  for await (const item of ctx) expectTypeOf(item).toEqualTypeOf<number>();
  // @ts-expect-error it starts with a number
  portal.openContext(summing, { start: "1" });
  // @ts-expect-error it receives numbers
  ctx.send("1");
  expectTypeOf(portal.openContext(brief, {})).toExtend<Promise<PromiseContext<{ send: number }, string>>>();
  expectTypeOf((await portal.openContext(feed.summing, { start: 1 })).first).toEqualTypeOf<string>();
}

async function _guest() {
  expectTypeOf(startGuestRun()).toEqualTypeOf<Promise<GuestRun<undefined>>>();
  expectTypeOf(startGuestRun({ name: "web" })).toEqualTypeOf<Promise<GuestRun<undefined>>>();
  const guest = await startGuestRun(function* (actors) {
    return (yield* actors.startActor("feed")).actor;
  });
  expectTypeOf(guest.closed).toEqualTypeOf<Promise<{ readonly name: string; readonly uuid: string } | undefined>>();
  expectTypeOf(guest.run(() => optional({}))).toEqualTypeOf<Promise<number>>();
  expectTypeOf(guest.startActor("feed", { enableModules: {} })).toEqualTypeOf<Promise<StartedActor>>();
  // @ts-expect-error an operation is made by the guest
  guest.run(optional({}));
  // @ts-expect-error there is no such option
  startGuestRun({ nmae: "web" });
}

it("types flow from endpoints to Promise code", () => {
  expectTypeOf(_portal).returns.toEqualTypeOf<Promise<void>>();
  expectTypeOf(_guest).returns.toEqualTypeOf<Promise<void>>();
});
