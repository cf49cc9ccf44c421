import { each, failAfter, openActorNursery, openNursery, runMain, waitForActor, watchActors } from "espalier";
import { about } from "./things.ts";

const enableModules = [import.meta.resolve("./things.ts")];

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    yield* openNursery(function* (n) {
      n.startSoon(() =>
        watchActors(function* (events, present) {
          console.log("there:", present.map(({ actor }) => actor.name).join(", "));
          for (const { type, actor } of yield* each(events)) {
            console.log(actor.actor.name, type);
            if (type === "left") n.cancelScope.cancel("seen enough");
            yield* each.next();
          }
        }),
      );
      n.startSoon(function* () {
        const { name } = yield* failAfter(20_000, () => waitForActor("worker", (portal) => portal.run(about)));
        console.log("waited for", name);
        yield* waitForActor("worker", (portal) => portal.cancelActor());
      });
      yield* an.startActor("worker", { enableModules });
    });
  });
});
