/** `node --import tsx adder-daemon.ts /unix/run/user/1000/adder/s.sock` */
import { runDaemon, runMain } from "espalier";

const [, , address = ""] = process.argv;
const enableModules = { things: import.meta.resolve("./things.ts") };

runMain(import.meta, () => runDaemon({ name: "adder", bindAddrs: [address], enableModules }));
