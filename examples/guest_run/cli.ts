/** A command that asks an actor, and leaves nothing: `node --import tsx examples/guest_run/cli.ts BTC ETH`. */
import { startGuestRun } from "espalier/interop";
import { quote } from "./prices.ts";

async function main(symbols: string[]) {
  await using guest = await startGuestRun({ name: "cli" });
  const prices = await guest.startActor("prices", { enableModules: [import.meta.resolve("./prices.ts")] });
  for (const { symbol, price } of await Promise.all(symbols.map((symbol) => prices.run(quote, { symbol })))) {
    console.log(symbol, price);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
}
