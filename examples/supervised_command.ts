/** A server that is not ours, for as long as we need it: `node --import tsx examples/supervised_command.ts`. */
import { call } from "effection";
import { failAfter, runMain } from "espalier";
import { superviseProcess } from "espalier/trionics";

const server = `require("node:http").createServer((_, res) => res.end("hello"))
  .listen(0, "127.0.0.1", function () { console.log("port", this.address().port) })`;

runMain(import.meta, function* () {
  const options = { stdout: "read", graceMs: 1_000 } as const;
  yield* superviseProcess(process.execPath, ["-e", server], options, function* (command) {
    const line = yield* failAfter(10_000, () => command.stdout.receive());
    const port = Number(line.slice("port ".length));
    console.log("it says", yield* call(async () => (await fetch(`http://127.0.0.1:${port}`)).text()));
    command.cancel("seen enough"); // without it the block would wait for its end
  });
  console.log("it has exited");
});
