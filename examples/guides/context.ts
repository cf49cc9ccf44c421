import { type Context, context, each, openActorNursery, runMain } from "espalier";

interface Adding {
  started: string; // the first value
  receive: number; // items that the caller sends
}

export const adding = context(function* (ctx: Context<Adding>, { from }: { from: number }) {
  yield* ctx.started(`adding to ${from}`); // only now the caller's block runs
  let sum = from;
  yield* ctx.openStream(function* (stream) {
    for (const n of yield* each(stream)) {
      sum += n;
      yield* each.next();
    }
  });
  return sum;
});

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("adder", { enableModules: [import.meta.url] });
    const sum = yield* portal.openContext(adding, { from: 100 }, function* (ctx, first) {
      console.log(first);
      yield* ctx.openStream(function* (stream) {
        for (const n of [1, 2, 3]) yield* stream.send(n);
      }); // leaving the stream ends the loop over there
      return yield* ctx.waitForResult();
    });
    console.log(sum);
    yield* portal.cancelActor();
  });
});
