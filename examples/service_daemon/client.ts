/**
 * A program that uses the daemon: `node --import tsx examples/service_daemon/client.ts <registry>`. Start the two in any
 * order; with `--stop` it ends the daemon.
 */
import { each, failAfter, openRootActor, remote, runMain, waitForActor } from "espalier";
import type * as service from "./quotes.ts";

const quotes = remote<typeof service>("quotes");
const [, , registry = "", flag] = process.argv;

runMain(import.meta, function* () {
  yield* openRootActor(
    () =>
      failAfter(30_000, () =>
        waitForActor("quotes", function* (portal) {
          const { symbol, price, pid } = yield* portal.run(quotes.quote, { symbol: "NODE" });
          console.log(`process ${pid} says that ${symbol} is at ${price}`);
          yield* portal.openContext(quotes.ticks, { symbol }, function* (ctx, title) {
            console.log(title);
            yield* ctx.openStream(function* (stream) {
              for (const tick of yield* each(stream)) {
                console.log(tick);
                if (tick === 102) yield* ctx.cancel();
                yield* each.next();
              }
            });
          });
          if (flag === "--stop") yield* portal.cancelActor();
        }),
      ),
    { name: "client", ensureRegistry: registry },
  );
});
