import { startGuestRun } from "espalier/interop";
import { isPrime } from "./guest-feed.ts";

async function main() {
  await using guest = await startGuestRun({ name: "web" });
  const maths = await guest.startActor("maths", { enableModules: [import.meta.resolve("./guest-feed.ts")] });
  console.log(await maths.run(isPrime, { n: 7 }), await maths.run(isPrime, { n: 8 }));
}

await main();
console.log("the process has ended, and this program goes on");
