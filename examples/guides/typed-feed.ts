import { context, each, producer } from "espalier";
import { z } from "zod";

export const chat = context(
  {
    args: z.object({ room: z.string(), last: z.number().int().max(100).default(10) }),
    started: z.object({ last: z.number() }),
    send: z.object({ from: z.string().default("nobody"), text: z.string() }),
    receive: z.object({ text: z.string().max(20), at: z.coerce.date() }),
    result: z.number().int(),
  },
  function* (ctx, { last }) {
    yield* ctx.started({ last }); // 10 where the caller has not said
    let said = 0;
    yield* ctx.openStream(function* (stream) {
      for (const { text, at } of yield* each(stream)) {
        said++;
        yield* stream.send({ text: `${text}, in ${at.getUTCFullYear()}` }); // `from` may be left out
        yield* each.next();
      }
    });
    return said;
  },
);

export const halves = producer({ args: z.object({ of: z.number() }), send: z.number().int() }, function* (out, { of }) {
  for (let n = of; n >= 1; n /= 2) yield* out.send(n);
});

export function* add({ a, b }: { a: number; b: number }) {
  return a + b;
}
