import type { Operation } from "effection";
import { ActorQuarantined, ExceptionGroup, moveOnAfter, openActorNursery, type Portal, runMain } from "espalier";
import { report } from "./sdk.ts";

const MAX_RESTARTS = 3;

/** Run `body` with an actor for legacy code; if that has to be killed, start both anew. */
function* withLegacy<T>(body: (legacy: Portal, attempt: number) => Operation<T>): Operation<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return yield* openActorNursery(function* (an) {
        const legacy = yield* an.startActor("legacy", {
          enableModules: [import.meta.resolve("./sdk.ts")],
          promises: { onIgnoredAbort: "kill-actor", graceMs: 100 }, // "quarantine" is the same with a second's grace
        });
        const value = yield* body(legacy, attempt);
        yield* legacy.cancelActor();
        return value;
      });
    } catch (error) {
      const killed = error instanceof ExceptionGroup && error.subgroup(ActorQuarantined);
      if (!killed || attempt === MAX_RESTARTS) throw error;
      for (const leaf of killed.leaves()) console.log(String(leaf).replace(/@\w+/, "").split(" for 100 ms")[0]);
    }
  }
}

runMain(import.meta, function* () {
  const value = yield* withLegacy((legacy, attempt) =>
    moveOnAfter(2_000, () => legacy.run(report, { ms: attempt === 1 ? 60_000 : 1 })),
  );
  console.log("at the second attempt:", value);
});
