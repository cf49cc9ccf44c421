import { AlreadyAnActor } from "espalier";
import { startGuestRun } from "espalier/interop";

const first = await startGuestRun({ name: "first" });
try {
  await startGuestRun({ name: "second" });
} catch (error) {
  if (!(error instanceof AlreadyAnActor)) throw error;
  console.log("refused: there is", error.actor.name, "started at", error.startedAt?.replace(/^.*\/|\)$/g, ""));
}
await first.close();
const next = await startGuestRun({ name: "next" });
console.log("now it is", next.name);
await next.close();
