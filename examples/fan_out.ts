/** One stream from another process, two readers, each at its own pace: `node --import tsx examples/fan_out.ts`. */
import { Event, each, openActorNursery, openNursery, producer, runMain, type SendStream } from "espalier";
import { broadcast, type Subscriber } from "espalier/trionics";

export const counted = producer(function* (out: SendStream<number>, { upTo }: { upTo: number }) {
  for (let n = 1; n <= upTo; n++) yield* out.send(n);
});

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("counter", { enableModules: [import.meta.url] });
    yield* portal.openStreamFrom(counted, { upTo: 1_000 }, function* (stream) {
      const fan = broadcast(stream, { capacity: 100 }); // keeps the last 100 for those behind
      const fastIsDone = new Event();

      const sum = function* (name: string, isSlow: boolean) {
        let sum = 0;
        const read = function* (numbers: Subscriber<number>) {
          for (const n of yield* each(numbers)) {
            if (isSlow && n === 1) yield* fastIsDone.wait(); // holds nobody up
            sum += n;
            yield* each.next();
          }
          console.log(`${name}: ${sum}, missed ${numbers.missed}`);
        };
        yield* fan.subscribe(read, { onLag: "skip" }); // unless told it would throw Lagged
        if (!isSlow) fastIsDone.set();
      };
      yield* openNursery(function* (n) {
        n.startSoon(sum, "slow", true);
        n.startSoon(sum, "fast", false);
      });
    });
    yield* portal.cancelActor();
  });
});
