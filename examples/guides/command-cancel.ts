import { moveOnAfter, runMain } from "espalier";
import { superviseProcess } from "espalier/trionics";

// A shell that hears of nothing, with a child that does not either.
const stubborn = `trap '' TERM; (trap '' TERM; echo $$; sleep 1000) & wait; sleep 1000`;

runMain(import.meta, function* () {
  const options = { stdout: "read", graceMs: 200 } as const;
  let group = 0;
  yield* moveOnAfter(60_000, (scope) =>
    superviseProcess("sh", ["-c", stubborn], options, function* (command) {
      yield* command.stdout.receive();
      group = command.pid;
      scope.cancel("it has taken long enough");
      yield* command.waitForExit();
    }),
  );
  try {
    process.kill(group, 0);
  } catch {
    console.log("nothing of it is left");
  }
});
