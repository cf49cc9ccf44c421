#!/usr/bin/env node
/** The command line: `npx espalier <command>`. */
import { parseArgs } from "node:util";
import type { Operation } from "effection";
import { run } from "../sc/run.ts";
import { findOrphans, type Reaped, reap } from "./reap.ts";
import { CAN_LIST } from "./tree-processes.ts";

const USAGE = `espalier <command>

  reap [--dry-run] [--json]   end processes whose tree is dead; with --dry-run only list them.
                              Exit status 0 if there are none, 1 if some were found, 2 for a mistake.
`;

class UsageError extends Error {}

function* main(args: readonly string[]): Operation<number> {
  const { values, positionals } = parse(args);
  const [command, ...rest] = positionals;
  if (values.help === true || command === undefined) {
    process.stdout.write(USAGE);
    return command === undefined && values.help !== true ? 2 : 0;
  }
  if (command !== "reap") throw new UsageError(`there is no command "${command}"`);
  if (rest.length > 0) throw new UsageError(`reap takes no arguments, got "${rest.join(" ")}"`);
  if (!CAN_LIST) throw new UsageError("reap reads /proc, which this platform does not have");
  const reaped = yield* reap(yield* findOrphans(), values["dry-run"] === true);
  print(reaped, values.json === true);
  return reaped.length === 0 ? 0 : 1;
}

function parse(args: readonly string[]) {
  try {
    const options = { "dry-run": { type: "boolean" }, json: { type: "boolean" }, help: { type: "boolean" } } as const;
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function print(reaped: readonly Reaped[], isJson: boolean): void {
  if (isJson) {
    process.stdout.write(`${JSON.stringify(reaped, undefined, 2)}\n`);
    return;
  }
  for (const { pid, title, rootPid, end } of reaped) {
    process.stdout.write(`${pid}  ${title}  its root was ${rootPid}  ${end}\n`);
  }
  const count = reaped.length;
  process.stdout.write(count === 0 ? "no process of a dead tree\n" : `${count} of a dead tree\n`);
}

try {
  process.exitCode = await run(() => main(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`espalier: ${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
