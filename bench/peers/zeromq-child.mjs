/** The child of the zeromq peer: it answers on the endpoint that it is told, until its stdin ends. */
import { writeSync } from "node:fs";
import { importPackage } from "../packages.mjs";
import { PAYLOADS } from "../payloads.mjs";
import { add } from "../peer.mjs";
import { CALL, ECHO, OPEN, pack, STREAM, unpack } from "./zeromq-frames.mjs";

/** @import { PayloadName } from "../payloads.mjs" */

const { Dealer } = await importPackage("zeromq");
const socket = new Dealer();

/** @type {(id: number, name: PayloadName, count: number) => Promise<void>} */
async function produce(id, name, count) {
  const { make, bytes } = PAYLOADS[name];
  for (let i = 0; i < count; i++) {
    const item = make(i);
    await socket.send(bytes > 0 ? pack([id], /** @type {Uint8Array} */ (item)) : pack([id, item]));
  }
}

async function serve() {
  for await (const frames of socket) {
    const [[kind, id, a, b]] = unpack(frames);
    switch (kind) {
      case CALL:
        await socket.send(pack([id, add(a, b)]));
        break;
      case ECHO:
        await socket.send(pack([id, a]));
        break;
      case OPEN:
        await socket.send(pack([id, a]));
        await socket.send(pack([id, a + 1]));
        break;
      case STREAM:
        await produce(id, a, b);
    }
  }
}

await socket.bind(`ipc://${process.argv[2]}`);
void serve();
writeSync(1, "ready\n");
process.stdin.on("end", () => process.exit()).resume();
