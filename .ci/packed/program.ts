/** What a user of the packed package might write: a context in another process, Promise code, an observable. */
import { each, type Operation } from "effection";
import { type Context, context, currentActor, openActorNursery, run, runInWorker, runMain } from "espalier";
import { fromObservable } from "espalier/interop";
import { runTask } from "espalier/to_promise";
import { gatherContexts } from "espalier/trionics";
import { range } from "rxjs";

interface Squares {
  started: string;
  send: number;
}

export const squares = context(function* (ctx: Context<Squares>, { upTo }: { upTo: number }): Operation<string> {
  yield* ctx.started("squares");
  yield* ctx.openStream(function* (stream) {
    for (let n = 1; n <= upTo; n++) yield* stream.send(n * n);
  });
  return "done";
});

export async function double({ n }: { n: number }): Promise<number> {
  return n * 2;
}

/** A child's modules and its runtime are one: what the runtime has set is found through the package's own name. */
export function* ownName(): Operation<string> {
  return (yield* currentActor()).name;
}

export function* fail(): Operation<never> {
  throw new TypeError("on purpose");
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("worker", { enableModules: [import.meta.url] });
    yield* portal.openContext(squares, { upTo: 3 }, function* (ctx, name) {
      yield* ctx.openStream(function* (stream) {
        for (const square of yield* each(stream)) {
          console.log(name, square);
          yield* each.next();
        }
      });
      console.log(yield* ctx.waitForResult());
    });
    console.log(yield* portal.run(double, { n: 21 }));
    console.log(yield* portal.run(ownName));
    try {
      yield* portal.run(fail);
    } catch (error) {
      // Its stack leads to this file, whatever loader the processes run under.
      console.log(String(error).includes("on purpose"), inspectStack(error));
    }
    yield* portal.cancelActor();
  });
  console.log(yield* runTask(double, { n: 4 }));
  for (const n of yield* each(fromObservable(range(1, 2)))) {
    console.log("observed", n);
    yield* each.next();
  }
  console.log(yield* runInWorker(import.meta.url, "double", [{ n: 5 }]));
  console.log(typeof run, typeof gatherContexts);
});

function inspectStack(error: unknown): boolean {
  return error instanceof Error && /program\.[jt]s:\d+/.test(error.stack ?? "");
}
