/** A `BoxedError` from outside, narrowed: every field that is used later is checked, the others are left behind. */
import { ProtocolError } from "../errors/mod.ts";
import { present } from "./boxed-value.ts";
import type { BoxedError, Uid } from "./message.ts";
import { isRecord } from "./record.ts";

const KINDS: ReadonlySet<unknown> = new Set<BoxedError["kind"]>(["error", "group", "runtime", "remote", "value"]);

/**
 * @param where - names the field in the error's message
 * @throws ProtocolError naming the field that is not right
 */
export function narrowBoxed(value: unknown, where: string): BoxedError {
  if (!isRecord(value)) throw wrong(where, "a map");
  const kind = value.kind;
  if (!isKind(kind)) throw wrong(`${where}.kind`, "a known kind");
  const { cause, errors, src, relay } = value;
  if (errors !== undefined && !Array.isArray(errors)) throw wrong(`${where}.errors`, "an array");
  if (relay !== undefined && !isUidList(relay)) throw wrong(`${where}.relay`, "a list of [name, uuid]");
  if (src !== undefined && !isUid(src)) throw wrong(`${where}.src`, "[name, uuid]");
  const { code, data, stack, omitted } = value;
  if (data !== undefined && !isRecord(data)) throw wrong(`${where}.data`, "a map");
  if (stack !== undefined && typeof stack !== "string") throw wrong(`${where}.stack`, "a string");
  if (code !== undefined && typeof code !== "string" && typeof code !== "number") {
    throw wrong(`${where}.code`, "a string or a number");
  }
  if (omitted !== undefined && typeof omitted !== "number") throw wrong(`${where}.omitted`, "a number");
  return present({
    kind,
    type: text(value, "type", where),
    name: text(value, "name", where),
    message: text(value, "message", where),
    stack,
    code,
    data,
    cause: cause === undefined ? undefined : narrowBoxed(cause, `${where}.cause`),
    errors: errors?.map((error, i) => narrowBoxed(error, `${where}.errors[${i}]`)),
    omitted,
    ...("value" in value ? { value: value.value } : undefined),
    src,
    relay,
  });
}

export function isUid(value: unknown): value is Uid {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && typeof value[1] === "string";
}

export function isUidList(value: unknown): value is Uid[] {
  return Array.isArray(value) && value.every(isUid);
}

function isKind(value: unknown): value is BoxedError["kind"] {
  return KINDS.has(value);
}

function text(value: Readonly<Record<string, unknown>>, field: string, where: string): string {
  const found = value[field];
  if (typeof found !== "string") throw wrong(`${where}.${field}`, "a string");
  return found;
}

function wrong(field: string, expected: string): ProtocolError {
  return new ProtocolError(`received ${field} that is not ${expected}`);
}
