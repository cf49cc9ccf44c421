import { isCancelled, moveOnAfter, PromiseAborted, run } from "espalier";
import { runTask } from "espalier/to_promise";
import { fetchPage } from "./sdk.ts";

await run(function* () {
  console.log(yield* runTask(fetchPage, { url: "/" }));

  try {
    yield* runTask(fetchPage, { url: "/missing" });
  } catch (error) {
    console.log("its own error:", String(error));
  }

  try {
    yield* runTask(async () => AbortSignal.abort().throwIfAborted(), {}, { name: "impatient" });
  } catch (error) {
    if (error instanceof PromiseAborted) console.log("its own abort:", error.message);
  }

  yield* moveOnAfter(10, function* () {
    try {
      yield* runTask(fetchPage, { url: "/slow" });
    } catch (error) {
      console.log("our cancel, once it has settled:", isCancelled(error));
      throw error;
    }
  });
});
