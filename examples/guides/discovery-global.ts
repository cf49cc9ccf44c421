import { ActorNameTaken, findActors, openActorNursery, openNursery, runMain } from "espalier";
import { about } from "./things.ts";

const things = [import.meta.resolve("./things.ts")];
const enableModules = [...things, import.meta.url];

/** Uses the cache of the tree; where there is none, it starts one. */
export function* usesCache() {
  return yield* openActorNursery(function* (an) {
    const cache = yield* an.getOrStart("cache", { enableModules: things });
    const { parent } = yield* cache.run(about);
    an.cancelScope.cancel("done"); // would end the cache, had it been started here
    return parent;
  });
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const worker = yield* an.startActor("worker", { enableModules });
    yield* openNursery(function* (n) {
      for (let i = 0; i < 3; i++) n.startSoon(() => an.getOrStart("cache", { enableModules: things }));
    });
    console.log("asked for three times, and there once:", (yield* findActors("cache")).length);
    console.log("for the worker it is the same, a child of", yield* worker.run(usesCache));
    try {
      yield* an.startActor("cache", { globalName: true });
    } catch (error) {
      if (error instanceof ActorNameTaken) console.log("taken by", error.holder.name);
    }
    an.cancelScope.cancel();
  });
});
