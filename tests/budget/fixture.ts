import type { Operation } from "effection";
import { type Context, context, producer } from "espalier";

export function* add({ a, b }: { a: number; b: number }): Operation<number> {
  return a + b;
}

export const greets = context(function* (ctx: Context<{ started: number }>, { value }: { value: number }) {
  yield* ctx.started(value);
  return value;
});

export const numbers = producer(function* (out, { upTo }: { upTo: number }) {
  for (let i = 0; i < upTo; i++) yield* out.send(i);
});
