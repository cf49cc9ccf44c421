/** A stream from another process, in one file: `node --import tsx examples/primes.ts`. */
import { type Context, context, each, openActorNursery, runMain } from "espalier";

interface Primes {
  started: number; // the first value: our pid
  send: number; // items of the stream
}

export const primes = context(function* (ctx: Context<Primes>, { below }: { below: number }) {
  yield* ctx.started(process.pid);
  yield* ctx.openStream(function* (stream) {
    for (let n = 2; n < below; n++) if (isPrime(n)) yield* stream.send(n); // waits where the reader is slower
  });
  return "that is all";
});

function isPrime(n: number): boolean {
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return true;
}

runMain(import.meta, function* () {
  yield* openActorNursery(function* (an) {
    const portal = yield* an.startActor("mathematician", { enableModules: [import.meta.url] });
    yield* portal.openContext(primes, { below: 30 }, function* (ctx, pid) {
      console.log(`process ${pid} looks for primes`);
      yield* ctx.openStream(function* (stream) {
        for (const prime of yield* each(stream)) {
          console.log(prime);
          yield* each.next();
        }
      });
      console.log(yield* ctx.waitForResult());
    });
    yield* portal.cancelActor();
  }); // nobody gets past this line before the process has exited
});
