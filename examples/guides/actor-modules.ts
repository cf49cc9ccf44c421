import { FunctionNotFound, ModuleNotExposed, openActorNursery, remote, runMain } from "espalier";
import { order } from "./shop.ts";

const things = remote<typeof import("./things.ts")>("things"); // types alone, no import
const shop = remote<typeof import("./shop.ts")>("shop");

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const enableModules = { things: import.meta.resolve("./things.ts") };
    const portal = yield* an.startActor("service", { enableModules });
    console.log(yield* portal.run(things.add, { a: 1, b: 2 }));
    try {
      yield* portal.run(shop.closeShop);
    } catch (error) {
      if (error instanceof ModuleNotExposed) console.log(error.namespace, "is not among", error.exposed);
    }
    try {
      yield* portal.openContext(order, { how: "is delivered" }, (ctx) => ctx.waitForResult());
    } catch (error) {
      if (error instanceof FunctionNotFound) console.log(error.name, "for what only this process has imported");
    }
    yield* portal.cancelActor();
  });
});
