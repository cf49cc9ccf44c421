/**
 * Schemas of a dialog, by any validator that speaks Standard Schema (zod, valibot, arktype, …). What passes a boundary
 * between processes is checked once on each side: control values (arguments, first value, result) by their sender, so
 * that it learns of its mistake, and everything by its receiver, who gets what the schema makes of it: defaults,
 * coercions. A slot without a schema costs nothing.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { MsgTypeError } from "../errors/mod.ts";
import type { ExtensionType } from "../wire/mod.ts";

/** A validator of one slot. */
export type Schema = StandardSchemaV1;

/** The schemas of a dialog, seen from the endpoint's own side; each may be left out. */
export interface Specs {
  /** The named arguments, as an object. */
  readonly args?: Schema;
  /** The first value. */
  readonly started?: Schema;
  /** Items that the endpoint sends. */
  readonly send?: Schema;
  /** Items that the endpoint receives. */
  readonly receive?: Schema;
  readonly result?: Schema;
  /**
   * Who checks what: `boundary` (default), as above; `all`, items by their sender too, who is then told at `send`;
   * `none`, nothing, where both sides are trusted and speed is all.
   */
  readonly check?: "boundary" | "all" | "none";
  /** Types of the user's own that may cross in this dialog, each way; a caller that has not imported it has none. */
  readonly codecs?: readonly ExtensionType[];
}

export type SlotName = "args" | "started" | "send" | "receive" | "result";

export function isSchema(value: unknown): boolean {
  return (typeof value === "object" || typeof value === "function") && value !== null && "~standard" in value;
}

/** What `value` is for its receiver. Made by `parserOf`; throws MsgTypeError. */
export type Parse = (value: unknown) => unknown;

/**
 * The check of one slot, or undefined where there is nothing to check.
 *
 * @param dialog - for the error: `feed.ticks`
 */
export function parserOf(specs: Specs | undefined, slot: SlotName, dialog: string): Parse | undefined {
  const schema = specs?.[slot];
  if (schema === undefined || specs?.check === "none") return undefined;
  return (value) => parse(schema, slot, value, dialog);
}

/** @throws MsgTypeError with every issue and its path; TypeError if the schema validates asynchronously */
function parse(schema: Schema, slot: SlotName, value: unknown, dialog: string): unknown {
  const result = schema["~standard"].validate(value);
  if (result instanceof Promise) {
    result.catch(() => {}); // nobody will ask
    throw new TypeError(`${dialog}: the schema of "${slot}" validates asynchronously; messages are checked at once`);
  }
  if (result.issues === undefined) return result.value;
  const issues = result.issues.map((issue) => {
    const path = Array.from(issue.path ?? [], keyOf);
    return { message: `${issue.message}, got ${show(valueAt(value, path))}`, path };
  });
  throw new MsgTypeError(slot, issues, dialog);
}

function keyOf(segment: PropertyKey | StandardSchemaV1.PathSegment): PropertyKey {
  return typeof segment === "object" ? segment.key : segment;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = Reflect.get(at, key);
  }
  return at;
}

/** Characters shown of a refused value: enough to recognise it, too few to flood a log. */
const MAX_SHOWN = 80;

function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
