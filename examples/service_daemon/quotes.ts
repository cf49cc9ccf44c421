/** What the daemon offers. The client needs its types alone. */
import { type Context, context, sleep } from "espalier";

export function* quote({ symbol }: { symbol: string }) {
  return { symbol, price: 100 + symbol.length, pid: process.pid };
}

/** A price each 20 ms, until the caller has had enough. */
export const ticks = context(function* (
  ctx: Context<{ started: string; send: number }>,
  { symbol }: { symbol: string },
) {
  yield* ctx.started(`prices of ${symbol}`);
  yield* ctx.openStream(function* (stream) {
    for (let price = 100; ; price++) {
      yield* stream.send(price);
      yield* sleep(20);
    }
  });
});
