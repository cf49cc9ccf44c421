import { runMain } from "espalier";
import { CommandFailed, CommandStartError, superviseProcess } from "espalier/trionics";

runMain(import.meta, function* () {
  try {
    yield* superviseProcess("sh", ["-c", "echo the disk is full >&2; exit 3"], { stderr: "ignore" });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    console.log(`status ${error.exitCode}: ${error.stderrTail}`);
  }

  try {
    yield* superviseProcess("compile-it");
  } catch (error) {
    if (error instanceof CommandStartError) console.log(error.message);
  }

  const found = yield* superviseProcess("grep", ["-q", "x", "/dev/null"], { check: false });
  console.log(`grep says ${found.exitCode}`);
});
