import { openActorNursery, runMain } from "espalier";
import { collect, numbers } from "./numbers.ts";

export async function* pages({ from }: { from: number }, { signal }: { signal: AbortSignal }) {
  try {
    for (let page = from; ; page++) yield { page };
  } finally {
    console.log("there: closed; the signal is aborted:", signal.aborted);
  }
}

export function letters(): AsyncIterable<string> {
  return new Blob(["any async ", "iterable"]).stream().pipeThrough(new TextDecoderStream());
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const enableModules = [import.meta.url, import.meta.resolve("./numbers.ts")];
    const portal = yield* an.startActor("source", { enableModules });
    console.log(yield* portal.openStreamFrom(numbers, { upTo: 5 }, collect));
    console.log((yield* portal.openStreamFrom(letters, {}, collect)).join(""));
    const first = yield* portal.openStreamFrom(pages, { from: 7 }, (stream) => stream.receive());
    console.log("here:", first); // the block was left: the generator has been closed, and waited for
    yield* portal.cancelActor();
  });
});
