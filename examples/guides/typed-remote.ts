import { openActorNursery, remote, runMain } from "espalier";

// Types only: neither the module nor its validator is loaded in this process.
const feed = remote<typeof import("./typed-feed.ts")>("feed");

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const enableModules = { feed: import.meta.resolve("./typed-feed.ts") };
    const portal = yield* an.startActor("feed", { enableModules });
    console.log(yield* portal.run(feed.add, { a: 1, b: 2 }));
    yield* portal.openContext(feed.chat, { room: "tea" }, function* (ctx, first) {
      console.log(first); // what the arguments lacked was filled in over there
      yield* ctx.openStream(function* (stream) {
        yield* stream.send({ text: "hello", at: "2026-01-01" });
        console.log(yield* stream.receive()); // nothing is filled in here
      });
    });
    yield* portal.cancelActor();
  });
});
