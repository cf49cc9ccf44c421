import { moveOnAfter, openActorNursery, runMain } from "espalier";
import { fetchPage } from "./sdk.ts";

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const legacy = yield* an.startActor("legacy", { enableModules: [import.meta.resolve("./sdk.ts")] });
    console.log(yield* legacy.run(fetchPage, { url: "/" }));
    // Its `signal` over there is this cancel.
    const page = yield* moveOnAfter(50, () => legacy.run(fetchPage, { url: "/slow" }));
    console.log("given up:", page === undefined);
    yield* legacy.cancelActor();
  });
});
