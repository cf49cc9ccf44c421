import { setTimeout as delay } from "node:timers/promises";
import { moveOnAfter, openActorNursery, runMain } from "espalier";

export async function download({ ms }: { ms: number }, { signal }: { signal: AbortSignal }) {
  try {
    await delay(ms, undefined, { signal });
    return "the page";
  } finally {
    await delay(10); // clean-up is waited for
    console.log("there: done, aborted:", signal.aborted);
  }
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("client", { enableModules: [import.meta.url] });
    console.log("here:", yield* portal.run(download, { ms: 1 }));
    console.log("here:", yield* moveOnAfter(500, () => portal.run(download, { ms: 60_000 })));
    yield* portal.cancelActor();
  });
});
