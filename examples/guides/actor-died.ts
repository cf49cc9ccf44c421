import { ActorDied, ExceptionGroup, openActorNursery, openRootActor, RemoteActorError, runMain } from "espalier";
import { exits, pays, waits } from "./things.ts";

const enableModules = [import.meta.resolve("./things.ts")];

function* oneFails() {
  yield* openActorNursery(function* (an) {
    yield* an.runInActor(waits, { name: "a sibling" }, { enableModules });
    yield* an.runInActor(pays, { amount: 7 }, { enableModules });
  });
}

function* oneDies() {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("mortal", { enableModules });
    yield* portal.run(exits, { status: 7 });
  });
}

function* program() {
  for (const body of [oneFails, oneDies]) {
    try {
      yield* body();
    } catch (error) {
      if (!(error instanceof ExceptionGroup)) throw error;
      for (const leaf of error.leaves()) {
        if (leaf instanceof RemoteActorError) console.log("here:", leaf.remoteMessage);
        else if (leaf instanceof ActorDied) console.log("here:", leaf.actor.name, leaf.exitCode, leaf.signal);
        else console.log("here:", (leaf as Error).name); // of the call that was under way
      }
    }
  }
}

runMain(import.meta, () => openRootActor(program, { logTo: () => {} })); // a death is logged, too
