import { currentActor, openActorNursery, runMain, sleep } from "espalier";

export function* openCache() {
  const { lifetime } = yield* currentActor();
  lifetime.callback(() => console.log("there: folder removed"));
  lifetime.callback(function* () {
    yield* sleep(10); // may wait: it is out of reach of the cancellation
    console.log("there: cache written");
  });
  const takeBack = lifetime.callback(() => console.log("there: not called"));
  takeBack();
  return process.pid;
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("cache", { enableModules: [import.meta.url] });
    const pid = yield* portal.run(openCache); // has returned; its callbacks wait for the end of the actor
    process.kill(pid, "SIGTERM"); // as somebody with a terminal might
  });
  console.log("here: ended in good order");
});
