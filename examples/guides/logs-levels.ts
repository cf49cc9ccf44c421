import type { Operation } from "effection";
import { type LogLevel, openActorNursery, runMain, useLog } from "espalier";

const enableModules = [import.meta.url];

/** The level of this actor, and of one that it starts. */
export function* levels(args: { deep: boolean }): Operation<LogLevel[]> {
  const { level } = yield* useLog();
  if (!args.deep) return [level];
  return yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("below", { enableModules });
    const below = yield* portal.run(levels, { deep: false });
    yield* portal.cancelActor();
    return [level, ...below];
  });
}

runMain(import.meta, function* () {
  yield* openActorNursery(
    function* (an) {
      const plain = yield* an.startActor("plain", { enableModules });
      console.log("plain", yield* plain.run(levels, { deep: true }));
      const quiet = yield* an.startActor("quiet", { enableModules, logLevel: "error" });
      console.log("quiet", yield* quiet.run(levels, { deep: true }));
      yield* plain.cancelActor();
      yield* quiet.cancelActor();
    },
    { logLevel: "info" },
  );
});
