import { Lagged, openActorNursery, type ReceiveStream, runMain, type Subscriber } from "espalier";
import { collect, numbers } from "./numbers.ts";

/** Three subscribers, of which two do not read before the third has read all. */
function* share(stream: ReceiveStream<number>) {
  yield* stream.subscribe(function* (slow) {
    const skipping = function* (subscriber: Subscriber<number>) {
      console.log("fast:", (yield* stream.subscribe(collect)).length);
      console.log("skipping:", yield* collect(subscriber), `and has missed ${subscriber.missed}`);
    };
    yield* stream.subscribe(skipping, { onLag: "skip" });
    try {
      yield* slow.receive();
    } catch (error) {
      if (error instanceof Lagged) console.log(`slow: missed ${error.missed}, goes on at ${yield* slow.receive()}`);
    }
  });
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("source", { enableModules: [import.meta.resolve("./numbers.ts")] });
    yield* portal.openStreamFrom(numbers, { upTo: 20 }, share, { capacity: 4 });
    yield* portal.cancelActor();
  });
});
