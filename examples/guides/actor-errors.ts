import { ActorSpawnError, openActorNursery, RemoteActorError, runMain } from "espalier";
import { pays } from "./things.ts";

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const bank = yield* an.startActor("bank", { enableModules: [import.meta.resolve("./things.ts")] });
    try {
      yield* bank.run(pays, { amount: 7 });
    } catch (error) {
      if (!(error instanceof RemoteActorError)) throw error;
      console.log(error.remoteName, "-", error.remoteMessage, "- in", error.srcActor.name);
      console.log(error.data, error.boxed instanceof RangeError, String(error.cause));
    } // the actor serves on

    for (const code of ["throw new TypeError('no config')", "process.exit(3)"]) {
      try {
        yield* an.startActor("broken", { enableModules: [`data:text/javascript,${code}`] });
      } catch (error) {
        if (!(error instanceof ActorSpawnError)) throw error;
        console.log(error.actorName, error.exitCode, error.message.includes("TypeError: no config"));
      } // the nursery goes on
    }
    yield* bank.cancelActor();
  });
});
