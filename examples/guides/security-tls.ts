import { readFileSync } from "node:fs";
import { openPortalTo, openRootActor, runMain } from "espalier";
import { add } from "./things.ts";

const things = import.meta.resolve("./things.ts");
const pem = (name: string) =>
  readFileSync(new URL(`../../tests/ipc/fixtures/certificates/${name}.pem`, import.meta.url), "utf8");

const tls = {
  cert: pem("actor"), // of 127.0.0.1, and vouched for by the authority
  key: pem("actor-key"),
  ca: pem("authority"), // whom this actor trusts when it connects
};

function* main() {
  yield* openRootActor(
    function* (root) {
      const [address = ""] = root.addresses;
      console.log(yield* openPortalTo(address, (portal) => portal.run(add, { a: 20, b: 3 }), { modules: [things] }));
    },
    { secret: "from: openssl rand -hex 32", tls, bindAddrs: ["/ip4/127.0.0.1/tcp/0"], enableModules: [things] },
  );
}

runMain(import.meta, main);
