import { ExceptionGroup, each, openActorNursery, type ReceiveStream, runMain } from "espalier";
import { numbers } from "./numbers.ts";

function* print(stream: ReceiveStream<number>) {
  try {
    for (const n of yield* each(stream)) {
      console.log(n);
      yield* each.next();
    }
    console.log("the end");
  } catch (error) {
    console.log("the loop sees", (error as Error).name);
    throw error;
  }
}

runMain(import.meta, function* () {
  for (const how of [{}, { last: "fails" }, { last: "dies" }] as const) {
    try {
      yield* openActorNursery(function* (an) {
        const portal = yield* an.startActor("source", { enableModules: [import.meta.resolve("./numbers.ts")] });
        yield* portal.openStreamFrom(numbers, { upTo: 2, ...how }, print);
        yield* portal.cancelActor();
      });
    } catch (error) {
      if (error instanceof ExceptionGroup) for (const each of error.leaves()) console.log("  ", (each as Error).name);
    }
  }
});
