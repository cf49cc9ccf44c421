/** Which of these are prime? On a pool of processes: `node --import tsx examples/primes_pool/espalier.ts`. */
import { each, runMain } from "espalier";
import { actorMap, openActorCluster } from "espalier/trionics";

const numbers = [112272535095293, 112582705942171, 115280095190773, 115797848077099, 1099726899285419];

export function* isPrime({ n }: { n: number }) {
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return n > 1;
}

runMain(import.meta, function* () {
  const items = numbers.map((n) => ({ n }));
  yield* openActorCluster({ modules: [import.meta.url] }, function* (workers) {
    for (const { item, value } of yield* each(actorMap(workers, isPrime, items, { ordered: true }))) {
      console.log(`${item.n} is ${value ? "" : "not "}prime`);
      yield* each.next();
    }
  });
});
