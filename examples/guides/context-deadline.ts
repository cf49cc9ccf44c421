import { currentEffectiveDeadline, currentTime, failAfter, openActorNursery, runMain } from "espalier";

export function* timeLeft() {
  return (yield* currentEffectiveDeadline()) - (yield* currentTime());
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("clock", { enableModules: [import.meta.url] });
    console.log(yield* portal.run(timeLeft));
    const left = yield* failAfter(5_000, () => portal.run(timeLeft));
    console.log(left > 4_000 && left <= 5_000);
    yield* portal.cancelActor();
  });
});
