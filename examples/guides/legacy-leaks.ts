import { PromiseLeaked, run } from "espalier";
import { runTask } from "espalier/to_promise";
import { poll } from "./sdk.ts";

await run(function* () {
  try {
    yield* runTask(poll, {}, { leaks: "error" });
  } catch (error) {
    if (!(error instanceof PromiseLeaked)) throw error;
    const [left] = error.left;
    console.log(error.taskName, "left a", left?.kind, left?.stack.match(/at poll .*(sdk\.ts)/)?.[1]);
    process.exit(); // its timer would keep the process
  }
});
