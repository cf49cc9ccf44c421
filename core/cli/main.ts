#!/usr/bin/env node
/** The command line: `npx espalier <command>`. */
import { parseArgs } from "node:util";
import { type Operation, until } from "effection";
import { openRootActor } from "../actor/root.ts";
import { run } from "../sc/run.ts";
import { failAfter } from "../sc/timeouts.ts";
import { CommandError, UsageError } from "./failure.ts";
import { isSpokenOf } from "./spoken-of.ts";

const REGISTRY_VARIABLE = "ESPALIER_REGISTRY";
/** For a whole command, in milliseconds, unless told. */
const TIMEOUT_MS = 30_000;

const USAGE = `espalier <command>

  ps [--json]                    the actors of a registry: pid, time since their start, dialogs, memory
  tree [--json]                  the same, each below its parent
  call <actor> <module>:<function> [--args '{…}'] [--json]
                                 call a function of a module that the actor exposes, and print its result
  cancel <actor> [--reason …] [--json]
                                 cancel an actor; its acknowledgement is waited for
  reap [--dry-run] [--json]      end processes of this machine whose tree is dead; with --dry-run only list them.
                                 Exit status 0 if there are none, 1 if some were found.

An <actor> is a name, or one with the beginning of its id, as ps shows it: worker@4f3a. The registry is an address, such
as /unix/run/user/1000/demo/registry: --registry, or ${REGISTRY_VARIABLE}. By TCP it takes the secret of ESPALIER_SECRET.
--timeout <ms> bounds the whole, ${TIMEOUT_MS} unless told. Exit status 1 for what could not be done, 2 for a mistake.
`;

const OPTIONS = {
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean" },
  registry: { type: "string" },
  args: { type: "string" },
  reason: { type: "string" },
  timeout: { type: "string" },
} as const;

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

type Values = ReturnType<typeof parse>["values"];

interface Command {
  readonly takes: readonly string[];
  readonly options: readonly (keyof Values)[];
  run(positionals: readonly string[], values: Values): Operation<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  ps: { takes: [], options: ["json"], run: (_, values) => list(values, "table") },
  tree: { takes: [], options: ["json"], run: (_, values) => list(values, "tree") },
  call: { takes: ["an actor", "<module>:<function>"], options: ["json", "args"], run: callOne },
  cancel: { takes: ["an actor"], options: ["json", "reason"], run: cancelOne },
  reap: { takes: [], options: ["json", "dry-run"], run: (_, values) => reapAll(values) },
};

function* main(args: readonly string[]): Operation<number> {
  const { values, positionals } = parse(args);
  const [name, ...rest] = positionals;
  if (values.help === true || name === undefined) {
    process.stdout.write(USAGE);
    return name === undefined && values.help !== true ? 2 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(`there is no command "${name}"`);
  const { takes, options } = command;
  if (rest.length !== takes.length) {
    const wanted = takes.length === 0 ? "no arguments" : takes.join(" and ");
    throw new UsageError(`${name} takes ${wanted}, got ${rest.length === 0 ? "none" : `"${rest.join(" ")}"`}`);
  }
  const common = name === "reap" ? [] : ["registry", "timeout"];
  const foreign = Object.keys(values).find((option) => ![...options, ...common].includes(option as keyof Values));
  if (foreign !== undefined) throw new UsageError(`${name} has no option --${foreign}`);
  return yield* command.run(rest, values);
}

// ---------------------------------------------------------------------------------------------------- the commands

function* list(values: Values, form: "table" | "tree"): Operation<number> {
  const { asData, asTable, asTree, seeAll } = yield* until(import("./actors.ts"));
  const actors = yield* atRegistry(values, (registry) => seeAll(registry));
  if (values.json === true) print(JSON.stringify(asData(actors), undefined, 2));
  else print(form === "table" ? asTable(actors) : asTree(actors));
  return 0;
}

function* callOne([actor = "", what = ""]: readonly string[], values: Values): Operation<number> {
  const { asText, call } = yield* until(import("./actors.ts"));
  const args = namedArguments(values.args);
  const result = yield* atRegistry(values, (registry) => call(registry, actor, what, args));
  print(values.json === true ? (JSON.stringify(result, undefined, 2) ?? "null") : asText(result));
  return 0;
}

function* cancelOne([actor = ""]: readonly string[], values: Values): Operation<number> {
  const { cancel } = yield* until(import("./actors.ts"));
  const cancelled = yield* atRegistry(values, (registry) =>
    cancel(registry, actor, values.reason ?? "espalier cancel was called"),
  );
  print(values.json === true ? JSON.stringify(cancelled, undefined, 2) : `${cancelled.name} has acknowledged`);
  return 0;
}

function* reapAll(values: Values): Operation<number> {
  const { describeReaped, findOrphans, mustBeAbleToReap, reap } = yield* until(import("./reap.ts"));
  mustBeAbleToReap();
  const reaped = yield* reap(yield* findOrphans(), values["dry-run"] === true);
  print(values.json === true ? JSON.stringify(reaped, undefined, 2) : describeReaped(reaped));
  return reaped.length === 0 ? 0 : 1;
}

/** Run `body` as an actor that asks the registry, and is not registered there. */
function* atRegistry<T>(values: Values, body: (registry: string) => Operation<T>): Operation<T> {
  const registry = values.registry ?? process.env[REGISTRY_VARIABLE];
  if (registry === undefined || registry === "") {
    throw new UsageError(`say which registry: --registry <address>, or ${REGISTRY_VARIABLE}`);
  }
  const timeoutMs = timeoutOf(values.timeout);
  // What goes wrong is printed here, once.
  const options = { name: "espalier-cli", logTo: () => {} };
  return yield* failAfter(timeoutMs, () => openRootActor(() => body(registry), options));
}

function timeoutOf(text: string | undefined): number {
  const ms = text === undefined ? TIMEOUT_MS : Number(text);
  if (Number.isFinite(ms) && ms > 0) return ms;
  throw new UsageError(`--timeout takes milliseconds, got "${text}"`);
}

function namedArguments(text: string | undefined): object {
  if (text === undefined) return {};
  let args: unknown;
  try {
    args = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--args takes JSON, got ${text}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof args === "object" && args !== null && !Array.isArray(args)) return args;
  throw new UsageError(`--args takes an object of named arguments, got ${text}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  process.exitCode = await run(() => main(process.argv.slice(2)), { name: "espalier" });
} catch (error) {
  if (error instanceof UsageError) process.stderr.write(`espalier: ${error.message}\n\n${USAGE}`);
  else if (error instanceof CommandError || isSpokenOf(error)) process.stderr.write(`espalier: ${error.message}\n`);
  else console.error(error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
