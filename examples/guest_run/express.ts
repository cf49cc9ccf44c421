/** An Express server whose routes call an actor: `node --import tsx examples/guest_run/express.ts`. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startGuestRun } from "espalier/interop";
import express, { type NextFunction, type Request, type Response } from "express";
import { quote, report, ticks } from "./prices.ts";

const guest = await startGuestRun({ name: "express" });
const prices = await guest.startActor("prices", { enableModules: [import.meta.resolve("./prices.ts")] });

/** Aborted when the client has left, or has its answer. */
function signalOf(response: Response): AbortSignal {
  const controller = new AbortController();
  response.on("close", () => controller.abort(new Error("the client has left")));
  return controller.signal;
}

const app = express();

app.get("/quote/:symbol", async ({ params }, response) => {
  response.json(await prices.run(quote, params, { signal: signalOf(response), timeoutMs: 5_000 }));
});

app.get("/report/:symbol", async ({ params }, response) => {
  response.send(await prices.run(report, params, { signal: signalOf(response) }));
});

app.get("/ticks/:symbol", async ({ params }, response) => {
  const signal = signalOf(response);
  response.type("text/event-stream");
  for await (const tick of prices.stream(ticks, params, { signal })) {
    // The socket's pace is the route's, the route's is the producer's.
    if (!response.write(`data: ${JSON.stringify(tick)}\n\n`)) await once(response, "drain", { signal });
  }
  response.end();
});

// Express knows an error handler by its four parameters.
app.use((error: Error, _request: Request, response: Response, next: NextFunction) => {
  if (response.destroyed) return; // nobody is left to be told
  if (response.headersSent) return next(error);
  response.status(guest.signal.aborted ? 503 : 500).json({ error: error.message });
});

const server = createServer(app).listen(Number(process.env.PORT ?? 0), "127.0.0.1");
await once(server, "listening");
console.log(`listening on ${(server.address() as AddressInfo).port}`);

// First no more requests, then the guest: what is under way has its answer, or is cancelled with it.
async function shutDown(why: string) {
  console.log(`shutting down: ${why}`);
  server.close();
  await guest.close(why).catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
  server.closeAllConnections();
  console.log("all actors have ended");
}
process.once("SIGTERM", () => shutDown("SIGTERM"));
guest.signal.addEventListener("abort", () => {
  if (guest.signal.reason.cause !== undefined) void shutDown("the guest has failed");
});
