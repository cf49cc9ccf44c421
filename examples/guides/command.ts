import { each, runMain } from "espalier";
import { superviseProcess } from "espalier/trionics";

runMain(import.meta, function* () {
  const exit = yield* superviseProcess("echo", ["its output goes to the log, or here where there is none"]);
  console.log(exit);

  const options = { stdin: "write", stdout: "read" } as const;
  const sorted = yield* superviseProcess("sort", ["-n"], options, function* (sort) {
    for (const n of [10, 9, 100]) yield* sort.stdin.send(`${n}\n`);
    sort.stdin.close();
    const lines: string[] = [];
    for (const line of yield* each(sort.stdout)) {
      lines.push(line);
      yield* each.next();
    }
    return lines;
  });
  console.log(sorted);
});
