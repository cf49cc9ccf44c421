import { type Context, ContextCancelled, context, openActorNursery, runMain, sleep, sleepForever } from "espalier";

export const jobs = context(function* (ctx: Context) {
  const { closing } = ctx; // looking at it is what asks for the notice
  yield* ctx.started();
  while (!closing.isSet) yield* sleep(10); // one job after the other
  return "ended between two jobs";
});

export const stubborn = context(function* (ctx: Context) {
  const { closing } = ctx;
  yield* ctx.started();
  yield* closing.wait();
  yield* sleepForever();
});

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("service", { enableModules: [import.meta.url] });
    yield* portal.openContext(jobs, {}, function* (ctx) {
      yield* ctx.cancel("the shift is over", { graceMs: 5_000 });
      console.log(yield* ctx.waitForResult(), "-", ctx.state);
    });
    yield* portal.openContext(stubborn, {}, function* (ctx) {
      yield* ctx.cancel("the shift is over", { graceMs: 50 });
      try {
        yield* ctx.waitForResult();
      } catch (error) {
        if (error instanceof ContextCancelled) console.log("went on, and was cancelled -", ctx.state);
      }
    });
    yield* portal.cancelActor();
  });
});
