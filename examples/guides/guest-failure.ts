import { ExceptionGroup } from "espalier";
import { GuestClosed, startGuestRun } from "espalier/interop";
import { exits, isPrime } from "./guest-feed.ts";

const guest = await startGuestRun({ name: "web" });
const feed = await guest.startActor("feed", { enableModules: [import.meta.resolve("./guest-feed.ts")] });
guest.signal.addEventListener("abort", () => console.log("the guest begins to end"));

await Promise.allSettled([feed.run(exits, { status: 3 })]); // rejected with TransportClosed: the connection is lost
try {
  await guest.closed;
} catch (error) {
  if (error instanceof ExceptionGroup)
    for (const { name } of error.leaves() as Error[]) console.log("it failed:", name);
}
try {
  await feed.run(isPrime, { n: 7 });
} catch (error) {
  if (error instanceof GuestClosed) console.log("later calls name the cause:", (error.cause as Error).name);
}
