import { type LogRecord, openActorNursery, openRootActor, runMain } from "espalier";

function print({ level, actor, event, fields = {} }: LogRecord) {
  console.log(level, actor.split("@")[0], event, "-", fields.reason);
}

runMain(import.meta, function* () {
  yield* openRootActor(
    () =>
      openActorNursery(function* (an) {
        yield* an.startActor("feed");
        an.cancelScope.cancel("that is enough");
      }),
    { logLevel: "cancel", logTo: print },
  );
});
