/**
 * A legacy RxJS feed runs in a process of its own; this one works on it with RxJS, as if it were here. When the block is
 * left, the feed has been unsubscribed from over there.
 *
 * node --import tsx --conditions=espalier-source examples/observable_across/main.ts
 */
import { each, openActorNursery, runMain } from "espalier";
import { observe, openObservable } from "espalier/interop";
import { bufferCount, combineLatest, map, take } from "rxjs";
import * as feed from "./feed.ts";

const average = (prices: readonly number[]) => prices.reduce((sum, price) => sum + price, 0) / prices.length;

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("feed", { enableModules: [import.meta.resolve("./feed.ts")] });
    const averages$ = (symbol: string) =>
      observe(portal, feed.ticks, { symbol }).pipe(
        bufferCount(10),
        map((ticks) => average(ticks.map(({ price }) => price))),
      );

    const spread$ = combineLatest([averages$("BTC"), averages$("ETH")]).pipe(
      map(([btc, eth]) => Math.abs(btc - eth)),
      take(5),
    );
    let count = 0;
    yield* openObservable(spread$, function* (spreads) {
      for (const spread of yield* each(spreads)) {
        console.log(`spread ${++count} is ${spread < 10 ? "small" : "large"}`);
        yield* each.next();
      }
    });
    console.log("over there:", yield* portal.run(feed.status));
    yield* portal.cancelActor();
  });
});
