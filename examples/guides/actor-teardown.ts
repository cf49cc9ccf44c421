import { ActorTooSlowError, ExceptionGroup, openActorNursery, runMain, type TeardownEvent } from "espalier";

export function* pid() {
  return process.pid;
}

const steps: Record<string, string[]> = { willing: [], stuck: [] };
const onTeardown = ({ actor, step }: TeardownEvent) => void steps[actor.name]?.push(step);

runMain(import.meta, function* () {
  try {
    yield* openActorNursery(
      function* (an) {
        yield* an.startActor("willing");
        const stuck = yield* an.startActor("stuck", { enableModules: [import.meta.url], teardown: { ackMs: 100 } });
        process.kill(yield* stuck.run(pid), "SIGSTOP"); // as an endless loop would, it answers nothing from now on
        an.cancelScope.cancel("that is enough");
      },
      { onTeardown, teardown: { ackMs: 10_000, termMs: 100 } },
    );
  } catch (error) {
    if (!(error instanceof ExceptionGroup)) throw error;
    const [late] = error.leaves();
    if (late instanceof ActorTooSlowError) console.log(late.actor.name, "did not answer within", late.waitedMs, "ms");
  }
  for (const name in steps) console.log(`${name}: ${steps[name]?.join(", ")}`);
});
