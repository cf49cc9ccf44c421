/** The entry of a program: run an operation as its whole, with signals, exit status and report as a program has them. */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import type { Operation } from "effection";
import { isCancelled } from "../errors/mod.ts";
import { realClock, weakTimer } from "./clock.ts";
import { type RunOptions, run } from "./run.ts";

/** Exit statuses of a program ended by a signal: 128 and the signal's number. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/** A second Ctrl-C within this time does not wait for clean-up any more, in milliseconds. */
const IMPATIENCE_MS = 1_000;

/** Time that what is left open may keep the process alive after the program has ended, in milliseconds. */
const LINGER_MS = 1_000;

/**
 * Run `body` as the program, if the module that `meta` belongs to is its entry; do nothing where it is only imported,
 * as in a child actor. SIGINT and SIGTERM cancel it, and its clean-up is awaited; a second one within a second ends the
 * process at once. The exit status is 0, 1 after an error (which is printed), 130 or 143 after a signal.
 *
 * It returns at once, and not a promise: a module that waited for its own program could not be imported by it, and
 * `portal.run` of a function of the same file would wait for ever. What is to come after goes into `body`.
 *
 * @param meta - `import.meta` of the calling module
 */
export function runMain(
  meta: { readonly url: string },
  body: () => Operation<unknown>,
  options: RunOptions = {},
): void {
  if (isEntry(meta.url)) void runProgram(body, options);
}

async function runProgram(body: () => Operation<unknown>, options: RunOptions): Promise<void> {
  let signalled: keyof typeof SIGNAL_STATUS | undefined;
  let since = 0;
  const running = run(body, { name: "main", ...options });
  const onSignal = (signal: keyof typeof SIGNAL_STATUS) => {
    if (signalled !== undefined && realClock.now() - since < IMPATIENCE_MS) process.exit(SIGNAL_STATUS[signal]);
    signalled ??= signal;
    since = realClock.now();
    running.cancel(signal);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  // Waits of tasks for each other are nothing to the host: it would end the process, with 0, amid the program.
  const letGo = realClock.at(Number.MAX_VALUE, () => {});
  try {
    await running;
    if (signalled !== undefined) process.exitCode = SIGNAL_STATUS[signalled];
  } catch (error) {
    process.exitCode = signalled === undefined ? 1 : SIGNAL_STATUS[signalled];
    if (!isCancelled(error)) process.stderr.write(`${inspect(error, { colors: process.stderr.isTTY })}\n`);
  } finally {
    letGo();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    endSoon();
  }
}

function isEntry(url: string): boolean {
  const entry = process.argv[1];
  if (entry === undefined || !url.startsWith("file:")) return false;
  const path = fileURLToPath(url);
  try {
    const started = realpathSync(entry);
    return started === realpathSync(path);
  } catch {
    // `node main` for `main.js`: the entry as typed is no file.
    return path.startsWith(`${entry}.`);
  }
}

/** The program is over; what keeps the process alive now was left behind by code outside of any scope. */
function endSoon(): void {
  weakTimer(LINGER_MS, () => {
    const left = process.getActiveResourcesInfo().filter((kind) => kind !== "TTYWrap" && kind !== "PipeWrap");
    process.stderr.write(
      `the program has ended, but something keeps its process alive (${left.join(", ") || "unknown"}): exiting; close it in the scope that opened it\n`,
    );
    process.exit();
  });
}
