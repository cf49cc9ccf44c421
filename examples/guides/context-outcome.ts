import { ExceptionGroup, openActorNursery, type PeerContext, RemoteActorError, runMain } from "espalier";
import { order } from "./shop.ts";

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("shop", { enableModules: [import.meta.resolve("./shop.ts")] });
    for (const how of ["is delivered", "fails", "is cancelled", "fails in its clean-up"]) {
      let seen: PeerContext | undefined; // can be asked after the block, too
      try {
        yield* portal.openContext(order, { how }, function* (ctx) {
          seen = ctx;
          if (how === "is cancelled") yield* ctx.cancel();
          else if (how === "fails in its clean-up") throw new TypeError("I will not wait");
          else yield* ctx.waitForResult();
        });
      } catch (error) {
        if (error instanceof RemoteActorError) console.log("it failed there:", error.remoteName, error.remoteMessage);
        if (error instanceof ExceptionGroup) console.log("both sides failed:", error.leaves().length, "errors");
      }
      console.log(how, [seen?.state, seen?.outcome?.ok, seen?.maybeError?.name, seen?.canceller?.name]);
    }
    yield* portal.cancelActor();
  });
});
