/** What runs in the actor of these servers: a quote, a report that takes long, and prices as they change. */
import { producer, type SendStream, sleep } from "espalier";

export function* quote({ symbol }: { symbol: string }) {
  if (symbol === "NONE") throw new RangeError(`no such symbol: ${symbol}`);
  return { symbol, price: 100 + symbol.length };
}

export function* report({ symbol }: { symbol: string }) {
  console.log(`report on ${symbol} begins`);
  let isDone = false;
  try {
    yield* sleep(60_000);
    isDone = true;
    return `all about ${symbol}`;
  } finally {
    if (!isDone) console.log(`report on ${symbol} is cancelled`);
  }
}

export const ticks = producer(function* (
  out: SendStream<{ n: number; price: number }>,
  { symbol }: { symbol: string },
) {
  try {
    for (let n = 1; ; n++) {
      yield* out.send({ n, price: 100 + symbol.length + (n % 5) });
      yield* sleep(5);
    }
  } finally {
    console.log(`ticks of ${symbol} end`);
  }
});
