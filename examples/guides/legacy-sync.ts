import { ActorQuarantined, ExceptionGroup, moveOnAfter, openActorNursery, runMain } from "espalier";
import { count } from "./sdk.ts";

runMain(import.meta, function* () {
  try {
    yield* openActorNursery(function* (an) {
      const options = { enableModules: [import.meta.resolve("./sdk.ts")], promises: "quarantine" } as const;
      const legacy = yield* an.startActor("legacy", options);
      console.log(yield* legacy.run(count, { to: 1_000_000 }));
      yield* moveOnAfter(1_000, () => legacy.run(count, { to: Number.POSITIVE_INFINITY }));
    });
  } catch (error) {
    if (!(error instanceof ExceptionGroup)) throw error;
    for (const leaf of error.subgroup(ActorQuarantined)?.leaves() ?? []) console.log(String(leaf).replace(/@\w+/g, ""));
  }
});
