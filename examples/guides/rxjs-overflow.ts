import { openActorNursery, type ReceiveStream, runMain, StreamOverrun } from "espalier";
import { collect } from "./numbers.ts";
import { burst, newest, patient } from "./rxjs-ticks.ts";

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("feed", { enableModules: [import.meta.resolve("./rxjs-ticks.ts")] });

    console.log("newest:", yield* portal.openStreamFrom(newest, {}, collect));

    const items: number[] = [];
    const untilError = function* (stream: ReceiveStream<number>) {
      for (;;) items.push(yield* stream.receive());
    };
    try {
      yield* portal.openStreamFrom(burst, {}, untilError);
    } catch (error) {
      console.log("burst:", items, "and then", error instanceof StreamOverrun ? error.name : error);
    }

    const three = function* (stream: ReceiveStream<number>) {
      return [yield* stream.receive(), yield* stream.receive(), yield* stream.receive()];
    };
    console.log("patient:", yield* portal.openStreamFrom(patient, {}, three));
    yield* portal.cancelActor();
  });
});
