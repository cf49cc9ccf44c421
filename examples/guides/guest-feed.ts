import { type Context, context, each, producer, type SendStream, sleepForever } from "espalier";

export function* isPrime({ n }: { n: number }) {
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return n > 1;
}

export const countdown = producer(function* (out: SendStream<number>, { from }: { from: number }) {
  try {
    for (let n = from; n > 0; n--) yield* out.send(n);
  } finally {
    console.log("there: the countdown has ended");
  }
});

interface Summing {
  started: string;
  send: number;
  receive: number;
}

export const summing = context(function* (ctx: Context<Summing>) {
  let sum = 0;
  yield* ctx.started("give me numbers");
  yield* ctx.openStream(function* (stream) {
    for (const n of yield* each(stream)) {
      sum += n;
      yield* stream.send(sum);
      yield* each.next();
    }
  });
  return `the sum is ${sum}`;
});

export function* waits({ name }: { name: string }) {
  try {
    yield* sleepForever();
  } finally {
    console.log(`there: ${name} is cancelled`);
  }
}

export function* exits({ status }: { status: number }) {
  process.exit(status);
}
