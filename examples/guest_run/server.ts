/** A plain Node server that knows nothing of actors but the signal it is given. It is the host of one in `supervised.ts`. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { HostTools } from "espalier";

const server = createServer((request, response) => {
  if (request.url === "/crash") setImmediate(crash);
  else response.end(`hello from ${process.title}\n`);
});

function crash() {
  throw new RangeError("a bug in the server");
}

/** Called once, when the actor has started. */
export async function main({ signal }: HostTools) {
  signal.addEventListener("abort", () => {
    server.close(() => console.log("there: the server has closed"));
    server.closeIdleConnections();
  });
  server.listen(0, "127.0.0.1");
}

/** Called by the parent, while the server runs. */
export async function port() {
  if (!server.listening) await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
