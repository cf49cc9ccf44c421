import { each, runMain, sleep } from "espalier";
import { ActorMapError, actorMap, openActorCluster } from "espalier/trionics";

export async function thumbnail({ file }: { file: string }) {
  if (!file.endsWith(".png")) throw new TypeError("not an image");
  return `${file}.small`;
}

function* files() {
  yield { file: "a.png" };
  yield { file: "notes.txt" };
  for (;;) yield { file: "more.png" }; // is not asked for all of them
}

runMain(import.meta, function* () {
  yield* openActorCluster({ modules: [import.meta.url], names: ["left", "right"] }, function* (workers) {
    try {
      const small = actorMap(workers, thumbnail, files(), { concurrency: 1 });
      for (const { value } of yield* each(small)) {
        console.log(value);
        yield* sleep(100);
        yield* each.next();
      }
    } catch (error) {
      if (!(error instanceof ActorMapError)) throw error;
      console.log(`item ${error.index}, ${(error.item as { file: string }).file}:`, String(error.cause).split(" (")[0]);
    }
    console.log(`the ${workers.size} workers serve on`);
  });
});
