import { each, runMain } from "espalier";
import { actorMap, openActorCluster } from "espalier/trionics";

export function* isPrime({ n }: { n: number }) {
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return n > 1;
}

runMain(import.meta, function* () {
  yield* openActorCluster({ modules: [import.meta.url], count: 2 }, function* (workers) {
    const numbers = [{ n: 1_000_003 }, { n: 1_000_005 }, { n: 1_000_033 }];
    for (const { item, value } of yield* each(actorMap(workers, isPrime, numbers, { ordered: true }))) {
      console.log(item.n, value);
      yield* each.next();
    }
  }); // both processes have exited
});
