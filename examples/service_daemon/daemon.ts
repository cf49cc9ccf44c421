/**
 * A program that serves others: `node --import tsx examples/service_daemon/daemon.ts <registry>`, where the registry is an
 * address such as `/unix/run/user/1000/demo/registry`. It runs until a client cancels it, or Ctrl-C does.
 */
import { runDaemon, runMain } from "espalier";

const [, , registry = ""] = process.argv;

runMain(import.meta, () =>
  runDaemon({
    name: "quotes",
    ensureRegistry: registry, // the registrar there is this program, if nobody is it yet
    enableModules: { quotes: import.meta.resolve("./quotes.ts") },
  }),
);
