import { type Context, context, each, openActorNursery, openNursery, runMain } from "espalier";

export const squaring = context(function* (ctx: Context<{ receive: number; send: number }>) {
  yield* ctx.started();
  yield* ctx.openStream(function* (stream) {
    for (const n of yield* each(stream)) {
      yield* stream.send(n * n);
      yield* each.next();
    }
  });
});

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("squares", { enableModules: [import.meta.url] });
    yield* portal.openContext(squaring, {}, (ctx) =>
      ctx.openStream(function* (stream) {
        yield* stream.send(7); // a request and its answer
        console.log(yield* stream.receive());

        let sum = 0;
        yield* openNursery(function* (n) {
          n.startSoon(function* () {
            for (let i = 0; i < 10_000; i++) yield* stream.send(i); // more than can be in flight: it waits
          });
          for (let i = 0; i < 10_000; i++) sum += yield* stream.receive();
        });
        console.log(sum, stream.trySend(8), yield* stream.receive());
        console.log(stream.statistics().sent, stream.statistics().waits > 0);
      }),
    );
    yield* portal.cancelActor();
  });
});
