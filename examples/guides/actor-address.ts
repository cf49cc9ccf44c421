import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ActorSpawnError, openActorNursery, openPortalTo, runMain } from "espalier";
import { add } from "./things.ts";

const enableModules = [import.meta.resolve("./things.ts"), import.meta.url];

export function* asks({ address }: { address: string }) {
  const modules = [import.meta.resolve("./things.ts")]; // of the peer, as imported here
  return yield* openPortalTo(address, (portal) => portal.run(add, { a: 20, b: 3 }), { modules });
}

runMain(import.meta, function* () {
  const folder = mkdtempSync(join(tmpdir(), "espalier-")); // for this user alone
  yield* openActorNursery(function* (an) {
    const bindAddrs = [`/unix${folder}/adder.sock`, "/ip4/127.0.0.1/tcp/0"];
    const adder = yield* an.startActor("adder", { enableModules, bindAddrs });
    const sibling = yield* an.startActor("sibling", { enableModules });
    for (const address of adder.addresses) console.log(yield* sibling.run(asks, { address }));
    try {
      yield* an.startActor("open to all", { bindAddrs: ["/ip4/0.0.0.0/tcp/1616"] });
    } catch (error) {
      if (error instanceof ActorSpawnError) console.log(error.message);
    }
    an.cancelScope.cancel();
  });
  rmSync(folder, { recursive: true });
});
