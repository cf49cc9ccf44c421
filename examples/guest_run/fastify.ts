/** A guest run as a Fastify plugin, closed by `app.close()`: `node --import tsx examples/guest_run/fastify.ts`. */
import { type GuestRun, type StartedActor, startGuestRun } from "espalier/interop";
import Fastify, { type FastifyInstance } from "fastify";
import { quote, report } from "./prices.ts";

declare module "fastify" {
  interface FastifyInstance {
    guest: GuestRun;
    prices: StartedActor;
  }
}

async function guestRun(app: FastifyInstance) {
  const guest = await startGuestRun({ name: "fastify" });
  app.decorate("guest", guest);
  app.decorate("prices", await guest.startActor("prices", { enableModules: [import.meta.resolve("./prices.ts")] }));
  // Requests that are under way when the server closes are not waited for: their calls are cancelled.
  app.addHook("preClose", () => guest.close("the server closes"));
}
// As `fastify-plugin` does: what it adds is for the whole app, and not for this plugin alone.
Object.assign(guestRun, { [Symbol.for("skip-override")]: true });

const app = Fastify();
await app.register(guestRun);

app.get<{ Params: { symbol: string } }>("/quote/:symbol", ({ params, signal }) =>
  app.prices.run(quote, params, { signal }),
);
app.get<{ Params: { symbol: string } }>("/report/:symbol", ({ params, signal }) =>
  app.prices.run(report, params, { signal }),
);

const url = await app.listen({ port: Number(process.env.PORT ?? 0), host: "127.0.0.1" });
console.log(`listening on ${new URL(url).port}`);

process.once("SIGTERM", async () => {
  await app.close();
  console.log("all actors have ended");
});
