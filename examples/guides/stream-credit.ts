import { openActorNursery, producer, type ReceiveStream, runMain, type SendStream } from "espalier";

let sent = 0;

export const blocks = producer(function* (out: SendStream<Uint8Array>, { bytes }: { bytes: number }) {
  sent = 0;
  for (;;) {
    yield* out.send(new Uint8Array(bytes));
    sent++;
  }
});

export function* howManyWereSent() {
  return sent;
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("source", { enableModules: [import.meta.url] });
    const readOne = function* (stream: ReceiveStream<Uint8Array>) {
      yield* stream.receive();
      const { received, buffered } = stream.statistics();
      return { sent: yield* portal.run(howManyWereSent), received, buffered };
    };
    console.log(yield* portal.openStreamFrom(blocks, { bytes: 10 }, readOne, { capacity: 8 }));
    console.log(yield* portal.openStreamFrom(blocks, { bytes: 1_000 }, readOne, { capacityBytes: 4_096 }));
    yield* portal.cancelActor();
  });
});
