import { type Context, context, openRootActor, openSelfPortal, runMain } from "espalier";

interface Greeting {
  started: Date;
}

export const greeting = context(function* (ctx: Context<Greeting>, { name }: { name: string }) {
  yield* ctx.started(new Date(0));
  return `hello ${name}, from ${ctx.caller.name} itself`;
});

runMain(import.meta, function* () {
  yield* openRootActor(
    function* () {
      yield* openSelfPortal(function* (portal) {
        yield* portal.openContext(greeting, { name: "world" }, function* (ctx, first) {
          console.log(first.toISOString(), yield* ctx.waitForResult());
        });
      });
    },
    { enableModules: [import.meta.url] },
  );
});
