/** One process deep in a tree fails, and the whole tree is taken down: `node --import tsx examples/self_destruct.ts`. */
import type { Operation } from "effection";
import { ExceptionGroup, openActorNursery, RemoteActorError, runMain, sleepForever } from "espalier";

const enableModules = [import.meta.url];

export function* pid() {
  return process.pid;
}

export function* explode({ in: levels }: { in: number }): Operation<void> {
  if (levels === 0) throw new RangeError("boom");
  yield* openActorNursery(function* (an) {
    const sibling = yield* an.startActor(`sibling ${levels}`, { enableModules });
    console.log(`process ${yield* sibling.run(pid)} is up`);
    yield* an.runInActor(explode, { in: levels - 1 }, { enableModules, name: `level ${levels}` });
    yield* sleepForever(); // its siblings, and we, are cancelled when it fails
  });
}

/** The way of an error through the tree: each process adds a group, and a box. */
function why(error: unknown): string {
  if (error instanceof ExceptionGroup) return error.leaves().map(why).join("; ");
  if (error instanceof RemoteActorError && error.boxed instanceof ExceptionGroup)
    return `${error.srcActor.name} > ${why(error.boxed)}`;
  return String(error);
}

runMain(import.meta, function* () {
  try {
    yield* explode({ in: 2 });
  } catch (error) {
    console.log(why(error));
  }
  console.log("every process has been waited for");
});
