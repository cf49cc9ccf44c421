import { openActorNursery, runMain } from "espalier";
import { about } from "./things.ts";

runMain(import.meta, function* () {
  process.env.REGION = "north";
  yield* openActorNursery(function* (an) {
    const enableModules = [import.meta.resolve("./things.ts")];
    const plain = yield* an.startActor("plain", { enableModules });
    console.log(yield* plain.run(about));
    const other = yield* an.startActor("other", {
      enableModules,
      env: { REGION: undefined }, // takes it away
      execArgv: ["--max-old-space-size=256"],
    });
    console.log(yield* other.run(about));
    an.cancelScope.cancel();
  });
});
