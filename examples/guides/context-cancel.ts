import { ContextCancelled, failAfter, openActorNursery, runMain } from "espalier";
import { closeShop, order } from "./shop.ts";

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("shop", { enableModules: [import.meta.resolve("./shop.ts")] });

    const value = yield* portal.openContext(order, { how: "is cancelled" }, function* (ctx) {
      yield* ctx.cancel("seen enough"); // returns when that is acknowledged
      return "the block goes on";
    });
    console.log(`here: ${value}`);

    try {
      yield* failAfter(500, () => portal.openContext(order, { how: "is late" }, (ctx) => ctx.waitForResult()));
    } catch (error) {
      console.log(`here: ${error}`);
    }

    try {
      yield* portal.openContext(order, { how: "is cancelled" }, () => portal.run(closeShop));
    } catch (error) {
      if (error instanceof ContextCancelled) console.log(`here: cancelled by ${error.canceller.name}`);
    }
  });
});
