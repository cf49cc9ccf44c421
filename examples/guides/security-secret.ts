import { AuthenticationError, openActorNursery, openPortalTo, openRootActor, runMain } from "espalier";
import { add } from "./things.ts";

const enableModules = [import.meta.resolve("./things.ts"), import.meta.url];

/** Called in a child: it has the secret of its tree. */
export function* asks({ address }: { address: string }) {
  return yield* openPortalTo(address, (portal) => portal.run(add, { a: 20, b: 3 }), { modules: enableModules });
}

function* tree() {
  yield* openActorNursery(function* (an) {
    const bindAddrs = ["/ip4/0.0.0.0/tcp/0"]; // whoever can reach this host can knock
    const adder = yield* an.startActor("adder", { enableModules, bindAddrs });
    const address = String(adder.addresses[0]).replace("0.0.0.0", "127.0.0.1");
    const sibling = yield* an.startActor("sibling", { enableModules });
    console.log(yield* sibling.run(asks, { address }));
    try {
      yield* openPortalTo(address, function* () {}, { secret: "that of another tree" });
    } catch (error) {
      if (error instanceof AuthenticationError) console.log(error.message.replace(/\d+:/, "…:"));
    }
    an.cancelScope.cancel();
  });
}

runMain(import.meta, function* () {
  const log: string[] = [];
  yield* openRootActor(tree, {
    secret: "from: openssl rand -hex 32", // or in the environment, as ESPALIER_SECRET
    logTo: ({ level, event, actor }) => log.push(`${level} ${event} in ${actor.split("@")[0]}`),
  });
  console.log(log);
});
