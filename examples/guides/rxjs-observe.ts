import { openActorNursery, runMain } from "espalier";
import { observe, openObservable } from "espalier/interop";
import { bufferCount, map } from "rxjs";
import { ticks } from "./rxjs-ticks.ts";

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("feed", { enableModules: [import.meta.resolve("./rxjs-ticks.ts")] });

    // As a stream of items …
    const first = yield* portal.openStreamFrom(ticks, { symbol: "BTC" }, (stream) => stream.receive());
    console.log("here:", first); // … and the block was left: it has been unsubscribed from

    // … or as an observable, with the operators on this side.
    const pairs$ = observe(portal, ticks, { symbol: "ETH" }).pipe(
      map(({ id }) => id),
      bufferCount(2),
    );
    yield* openObservable(pairs$, function* (pairs) {
      console.log("here:", yield* pairs.receive(), yield* pairs.receive());
    });
    console.log("here: left");
    yield* portal.cancelActor();
  });
});
