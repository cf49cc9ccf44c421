import { type Overflow, openActorNursery, type ReceiveStream, runMain, sleep } from "espalier";
import { numbers } from "./numbers.ts";

/** Read nothing before so many items have come, then all. */
function* readLate(stream: ReceiveStream<number>, come: number) {
  while (stream.statistics().received < come) yield* sleep(1);
  const items: number[] = [];
  try {
    for (;;) items.push(yield* stream.receive());
  } catch (error) {
    const { name } = error as Error; // EndOfChannel is the good end
    console.log(`  ${items} and ${name}; ${stream.statistics().droppedReceiving} dropped`);
  }
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("source", { enableModules: [import.meta.resolve("./numbers.ts")] });
    const policies: [Overflow, number][] = [
      ["backpressure", 3], // more do not come before these are read
      ["drop-oldest", 10],
      ["drop-newest", 10],
      ["error", 4], // the fourth is too many
    ];
    for (const [overflow, come] of policies) {
      console.log(overflow);
      try {
        const late = (stream: ReceiveStream<number>) => readLate(stream, come);
        yield* portal.openStreamFrom(numbers, { upTo: 10 }, late, { capacity: 3, overflow });
      } catch (error) {
        console.log(`  ${(error as Error).name} where the block is left, too`);
      }
    }
    yield* portal.cancelActor();
  });
});
