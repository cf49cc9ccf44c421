import { CapacityLimiter, each, openMemoryChannel, openNursery, runMain, sleep } from "espalier";

runMain(import.meta, function* () {
  const [send, receive] = openMemoryChannel<number>(2);
  const log: string[] = [];

  yield* openNursery(function* (n) {
    n.startSoon(function* producer() {
      for (let i = 1; i <= 5; i++) {
        yield* send.send(i); // waits while two items are waiting
        log.push(`sent ${i}`);
      }
      send.close(); // so that the loop below ends
    });
    for (const item of yield* each(receive)) {
      yield* sleep(5);
      log.push(`handled ${item}`);
      yield* each.next();
    }
  });
  console.log(log.indexOf("sent 5") > log.indexOf("handled 1"), log.at(-1));

  const limiter = new CapacityLimiter(2); // at most two at a time
  let running = 0;
  let most = 0;
  yield* openNursery(function* (n) {
    for (let i = 0; i < 10; i++) {
      n.startSoon(function* () {
        yield* limiter.hold(function* () {
          most = Math.max(most, ++running);
          yield* sleep(1);
          running--;
        });
      });
    }
  });
  console.log(`${most} ran at once`);
});
