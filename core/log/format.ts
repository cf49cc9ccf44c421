/** A record as text: a JSON line for programs, a readable one for people. */
import { type LogLevel, RANK } from "./level.ts";
import { isErrorData, type LogRecord } from "./record.ts";

/** One object, with the fields of the record last. */
export function jsonLine({ time, level, actor, pid, task, dialog, event, message, fields }: LogRecord): string {
  return `${JSON.stringify({ time, level, actor, pid, task, dialog, event, message, fields })}\n`;
}

export interface PrettyOptions {
  readonly colors: boolean;
  /** What times are counted from, in milliseconds since 1970. */
  readonly since: number;
}

const COLORS: Readonly<Record<LogLevel, number>> = {
  transport: 90,
  runtime: 90,
  cancel: 35,
  info: 36,
  warn: 33,
  error: 31,
};
const DIM = 2;
const WIDTH = Math.max(...Object.keys(RANK).map((level) => level.length));

/** `  1.204s warn      feed@3f2a91c0  message key=value`, and the stack of an error below it. */
export function prettyLine(record: LogRecord, { colors, since }: PrettyOptions): string {
  const paint = (code: number, text: string) => (colors ? `\u001b[${code}m${text}\u001b[0m` : text);
  const { level, actor, task, dialog, message, fields = {} } = record;
  const seconds = ((record.time - since) / 1_000).toFixed(3).padStart(7);
  const head = `${paint(DIM, `${seconds}s`)} ${paint(COLORS[level], level.padEnd(WIDTH))} ${paint(DIM, visible(actor))}`;
  const told = { dialog, task: task === dialog ? undefined : task };
  const pairs = Object.entries({ ...told, ...fields }).flatMap(([key, value]) =>
    value === undefined || isErrorData(value) || isSaid(value, message) ? [] : [`${visible(key)}=${short(value)}`],
  );
  const stacks = Object.values(fields).flatMap((value) => (isErrorData(value) ? [`\n${value.stack}`] : []));
  const tail = pairs.length === 0 ? "" : paint(DIM, ` ${pairs.join(" ")}`);
  return `${head} ${indented(visible(message))}${tail}${indented(visible(stacks.join("")))}\n`;
}

/** What the message says already need not stand beside it: of the runtime's events, most does. */
function isSaid(value: unknown, message: string): boolean {
  return typeof value === "string" && value.length >= 3 && message.includes(value);
}

/** Control characters of others must not steer the terminal. */
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => (char === "\n" || char === "\t" ? char : escaped(char)));
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function indented(text: string): string {
  return text.replaceAll("\n", "\n    ");
}

function short(value: unknown): string {
  return typeof value === "string" && /^[\w./:@+-]+$/.test(value) ? value : visible(JSON.stringify(value) ?? "");
}
