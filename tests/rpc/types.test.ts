/** What an endpoint declares is what its caller sees. Checked by the compiler; at run time there is nothing to see. */
import type { Operation } from "effection";
import { type Context, context, type Portal, producer, type ReceiveStream, remote, type SendStream } from "espalier";
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";

interface Ticks {
  started: number;
  send: { id: number; px: number };
  receive: { ack: number };
}

const ticks = context(function* (ctx: Context<Ticks>, { symbol }: { symbol: string }): Operation<string> {
  yield* ctx.started(42);
  // @ts-expect-error the first value is a number
  yield* ctx.started("42");
  // @ts-expect-error and is not left out
  yield* ctx.started();
  yield* ctx.openStream(function* (stream) {
    yield* stream.send({ id: 1, px: 2 });
    // @ts-expect-error an item has a price
    yield* stream.send({ id: 1 });
    expectTypeOf(yield* stream.receive()).toEqualTypeOf<{ ack: number }>();
  });
  return symbol;
});

const quiet = context(function* (ctx: Context): Operation<void> {
  yield* ctx.started();
});

function* isPrime({ n }: { n: number }): Operation<boolean> {
  return n > 2;
}
async function defaulted({ n = 1 }: { n?: number } = {}): Promise<number> {
  return n;
}

async function fetchPage({ url }: { url: string }, { signal }: { signal: AbortSignal }): Promise<string> {
  return `${url}${signal.aborted}`;
}
function* ping(): Operation<"pong"> {
  return "pong";
}
function* optional({ n = 1 }: { n?: number }): Operation<number> {
  return n;
}

const counted = producer(function* (out: SendStream<number>, { upTo }: { upTo: number }) {
  for (let i = 0; i < upTo; i++) yield* out.send(i);
  // @ts-expect-error an item is a number
  yield* out.send("1");
});
const newest = producer({ sendOverflow: "drop-oldest" }, function* (out: SendStream<Date>) {
  yield* out.send(new Date());
});
const parsed = producer(
  { args: z.object({ n: z.number().default(1) }), send: z.number().transform(String) },
  function* (out, { n }) {
    expectTypeOf(n).toEqualTypeOf<number>();
    yield* out.send(n);
    // @ts-expect-error an item goes in as a number
    yield* out.send("1");
  },
);
async function* pages({ from }: { from: number }): AsyncGenerator<{ page: number }> {
  yield { page: from };
}

const toNumber = z.string().transform(Number);
const coerced = context({ started: toNumber, result: toNumber }, function* (ctx) {
  yield* ctx.started("1");
  return "2";
});

type Module = {
  ticks: typeof ticks;
  isPrime: typeof isPrime;
  fetchPage: typeof fetchPage;
  setting: number;
  parsed: typeof parsed;
  coerced: typeof coerced;
};

function* caller(portal: Portal): Operation<void> {
  expectTypeOf(yield* portal.run(isPrime, { n: 7 })).toEqualTypeOf<boolean>();
  expectTypeOf(yield* portal.run(ping)).toEqualTypeOf<"pong">();
  expectTypeOf(yield* portal.run(fetchPage, { url: "x" })).toEqualTypeOf<string>();
  expectTypeOf(yield* portal.run(optional)).toEqualTypeOf<number>();
  yield* portal.run(optional, { n: 2 });
  expectTypeOf(yield* portal.run(defaulted)).toEqualTypeOf<number>();
  yield* portal.run(defaulted, { n: 2 });
  // @ts-expect-error wrong argument
  yield* portal.run(defaulted, { n: "2" });
  // @ts-expect-error wrong argument
  yield* portal.run(isPrime, { n: "7" });
  // @ts-expect-error missing argument
  yield* portal.run(isPrime);
  // @ts-expect-error a context is opened, not run
  yield* portal.run(ticks, { symbol: "BTC" });

  const length = yield* portal.openContext(ticks, { symbol: "BTC" }, function* (ctx, first) {
    expectTypeOf(first).toEqualTypeOf<number>();
    yield* ctx.openStream(function* (stream) {
      expectTypeOf(yield* stream.receive()).toEqualTypeOf<{ id: number; px: number }>();
      yield* stream.send({ ack: 1 });
      // @ts-expect-error wrong item
      yield* stream.send({ nack: 1 });
    });
    const result = yield* ctx.waitForResult();
    expectTypeOf(result).toEqualTypeOf<string>();
    return result.length;
  });
  expectTypeOf(length).toEqualTypeOf<number>();
  // @ts-expect-error wrong argument of a context
  yield* portal.openContext(ticks, { symbol: 1 }, function* () {});
  yield* portal.openContext(quiet, {}, function* (_ctx, first) {
    expectTypeOf(first).toEqualTypeOf<undefined>();
  });

  const first = yield* portal.openStreamFrom(counted, { upTo: 3 }, function* (stream) {
    expectTypeOf(stream).toEqualTypeOf<ReceiveStream<number>>();
    // @ts-expect-error a consumer has nothing to send
    stream.send;
    return yield* stream.receive();
  });
  expectTypeOf(first).toEqualTypeOf<number>();
  // @ts-expect-error wrong argument of a producer
  yield* portal.openStreamFrom(counted, { upTo: "3" }, (stream) => stream.receive());
  // @ts-expect-error its consumer sends nothing, so there is no policy for that
  yield* portal.openStreamFrom(counted, { upTo: 3 }, (stream) => stream.receive(), { sendOverflow: "error" });
  expectTypeOf(yield* portal.openStreamFrom(newest, {}, (s) => s.receive())).toEqualTypeOf<Date>();
  expectTypeOf(yield* portal.openStreamFrom(parsed, {}, (s) => s.receive())).toEqualTypeOf<string>();
  expectTypeOf(yield* portal.openStreamFrom(pages, { from: 1 }, (s) => s.receive())).toEqualTypeOf<{ page: number }>();
  // @ts-expect-error a function is called, not consumed
  yield* portal.openStreamFrom(isPrime, { n: 1 }, (s) => s.receive());
  // @ts-expect-error a producer is consumed, not called
  yield* portal.run(counted, { upTo: 3 });

  const feed = remote<Module>("feed");
  // Without the schema it arrives as it was sent.
  expectTypeOf(yield* portal.openStreamFrom(feed.parsed, { n: 1 }, (s) => s.receive())).toEqualTypeOf<number>();
  yield* portal.openContext(feed.coerced, {}, function* (ctx, first) {
    expectTypeOf(first).toEqualTypeOf<string>();
    expectTypeOf(yield* ctx.waitForResult()).toEqualTypeOf<string>();
  });
  yield* portal.openContext(coerced, {}, function* (ctx, first) {
    expectTypeOf(first).toEqualTypeOf<number>();
    expectTypeOf(yield* ctx.waitForResult()).toEqualTypeOf<number>();
  });
  expectTypeOf(yield* portal.run(feed.isPrime, { n: 1 })).toEqualTypeOf<boolean>();
  yield* portal.openContext(feed.ticks, { symbol: "A" }, function* (_ctx, first) {
    expectTypeOf(first).toEqualTypeOf<number>();
  });
  // @ts-expect-error what cannot be called is not there
  feed.setting;
}

describe("types of dialogs", () => {
  it("flow from the endpoint to its caller", () => {
    expectTypeOf(caller).toBeFunction();
  });
});
