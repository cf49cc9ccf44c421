/** What can be said of a command, and what holds where it is not. */
import { COMMAND_GRACE_MS, DEFAULT_LINE_BYTES, MAX_LINE_BYTES } from "./limits.ts";
import type { LongLines } from "./line-splitter.ts";

const INPUTS = ["ignore", "inherit", "write"] as const;
const OUTPUTS = ["log", "read", "inherit", "ignore"] as const;

/**
 * What becomes of an output.
 * - `log`: each line goes to the log of this actor, or, where there is none, to this process's own output
 * - `read`: the block reads it, line by line; the command waits where it is not read
 * - `inherit`: it is this process's own: a terminal stays one
 * - `ignore`: it is dropped
 */
export type CommandOutput = (typeof OUTPUTS)[number];

export interface CommandOptions {
  /** Working directory; this process's unless told. */
  readonly cwd?: string;
  /** Environment variables beside those of this process; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `write`: the block writes it. `ignore`, empty, unless told. */
  readonly stdin?: (typeof INPUTS)[number];
  /** `log` unless told; lines are logged as `info`. */
  readonly stdout?: CommandOutput;
  /** `log` unless told; lines are logged as `warn`. Unless inherited its end is kept for the error of a failure. */
  readonly stderr?: CommandOutput;
  /** Whether a status other than 0, or a signal, is a failure; true unless told. */
  readonly check?: boolean;
  /** From SIGTERM to SIGKILL, in milliseconds; `COMMAND_GRACE_MS` unless told. */
  readonly graceMs?: number;
  /** Bytes of one line, 4 to `MAX_LINE_BYTES`; `DEFAULT_LINE_BYTES` unless told. */
  readonly maxLineBytes?: number;
  /** What becomes of longer ones; `split` unless told. */
  readonly longLines?: LongLines;
}

/** With everything that was not told. */
export interface CommandPlan extends Required<Omit<CommandOptions, "cwd">> {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | undefined;
}

/** @throws TypeError, RangeError for what is not as it should be, naming it */
export function planOf(command: unknown, args: unknown, options: CommandOptions): CommandPlan {
  if (typeof command !== "string" || command === "") {
    throw new TypeError(`superviseProcess: the command is a string, got ${String(command)}`);
  }
  if (!Array.isArray(args) || !args.every((arg) => typeof arg === "string")) {
    throw new TypeError(`superviseProcess: the arguments of ${command} are a list of strings`);
  }
  const plan: CommandPlan = {
    command,
    args,
    cwd: options.cwd,
    env: options.env ?? {},
    stdin: options.stdin ?? "ignore",
    stdout: options.stdout ?? "log",
    stderr: options.stderr ?? "log",
    check: options.check ?? true,
    graceMs: options.graceMs ?? COMMAND_GRACE_MS,
    maxLineBytes: options.maxLineBytes ?? DEFAULT_LINE_BYTES,
    longLines: options.longLines ?? "split",
  };
  for (const [name, choices] of [
    ["stdin", INPUTS],
    ["stdout", OUTPUTS],
    ["stderr", OUTPUTS],
    ["longLines", ["split", "truncate"]],
  ] as const) {
    if (!choices.some((choice) => choice === plan[name])) {
      throw new TypeError(`superviseProcess: ${name} must be one of ${choices.join(", ")}, got ${String(plan[name])}`);
    }
  }
  if (!(plan.graceMs >= 0)) throw new RangeError(`superviseProcess: graceMs must be >= 0, got ${plan.graceMs}`);
  if (!(Number.isSafeInteger(plan.maxLineBytes) && plan.maxLineBytes >= 4 && plan.maxLineBytes <= MAX_LINE_BYTES)) {
    throw new RangeError(`superviseProcess: maxLineBytes must be 4 to ${MAX_LINE_BYTES}, got ${plan.maxLineBytes}`);
  }
  return plan;
}
