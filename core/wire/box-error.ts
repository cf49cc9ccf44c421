/** What was thrown, as data for another actor to raise. Never fails, whatever it was. */
import { inspect, types } from "node:util";
import { type ActorId, isActorId } from "../actor-id.ts";
import { ContextCancelled, RemoteActorError } from "../errors/mod.ts";
import { BoxedValue, present } from "./boxed-value.ts";
import { findIssues } from "./encodable.ts";
import { boxOf, lengthen, wayOf } from "./error-origin.ts";
import type { ErrorRegistry } from "./error-registry.ts";
import { type ExtensionSet, NO_EXTENSIONS } from "./extension.ts";
import {
  MAX_BOXED_DEPTH,
  MAX_BOXED_ERROR_BYTES,
  MAX_BOXED_LEVELS,
  MAX_BOXED_PROPERTIES,
  MAX_BOXED_TREE_BYTES,
  MAX_CAUSE_DEPTH,
  MAX_GROUP_ERRORS,
} from "./limits.ts";
import { type BoxedError, type ErrorMsg, toUid, type Uid } from "./message.ts";
import { setOwn } from "./record.ts";
import { isRuntimeError } from "./runtime-error.ts";

export interface BoxOptions {
  /** Tells under which name a class was registered. */
  registry?: ErrorRegistry | undefined;
  /** Values of these types are kept in an error's data. */
  extensions?: ExtensionSet | undefined;
}

/** An `Error` message without its dialog. */
export type ErrorFields = Omit<ErrorMsg, "msg_type" | "cid">;

/**
 * What was thrown in `srcActor`, as the fields of an `Error` message. An error that came from another actor keeps its
 * origin, and `srcActor` is appended to the actors that it passed through. Never throws.
 */
export function boxError(thrown: unknown, srcActor: ActorId, options: BoxOptions = {}): ErrorFields {
  const boxed = boxValue(thrown, options);
  const self = toUid(srcActor);
  if (boxed.kind === "remote" && boxed.cause !== undefined) {
    const original = boxed.cause;
    const fields = errorFields(original, boxed.src ?? self, "RemoteActorError");
    return { ...fields, relay_path: lengthen(boxed.relay ?? [], self) };
  }
  const { src, relay, ...error } = boxed;
  const fields = { ...errorFields(error, src ?? self, boxed.name), canceller: cancellerOf(boxed) };
  return src === undefined ? fields : { ...fields, relay_path: lengthen(relay ?? [], self) };
}

function errorFields(boxed: BoxedError, src: Uid, boxedType: string): ErrorFields {
  return {
    src_uid: src,
    src_type_str: boxed.name,
    boxed_type_str: boxedType,
    relay_path: [src],
    message: boxed.message,
    tb_str: boxed.stack ?? "",
    canceller: null,
    sender: null,
    _bad_msg: null,
    _bad_msg_as_dict: null,
    boxed,
  };
}

function cancellerOf(boxed: BoxedError): Uid | null {
  if (boxed.kind !== "runtime" || boxed.type !== ContextCancelled.name) return null;
  const canceller = boxed.data?.canceller;
  return isActorId(canceller) ? toUid(canceller) : null;
}

/** What was thrown, as data. Never throws. */
export function boxValue(thrown: unknown, options: BoxOptions = {}): BoxedError {
  try {
    return new Boxing(options).box(thrown, 0);
  } catch {
    // Every read of foreign code in there is guarded; what is left is a stack that overflows in the thrower's hands.
    return { kind: "error", type: "Error", name: "Error", message: "an error that could not be read" };
  }
}

/** Own properties that have a field in the box. */
const BOX_FIELDS: ReadonlySet<string> = new Set(["name", "message", "stack", "cause", "errors", "code"]);

/** Some error, of which any property may throw when it is read. */
interface Thrown {
  readonly [UNTRUSTED]?: never;
}
declare const UNTRUSTED: unique symbol;

/** What may still be kept of one error. */
interface Allowance {
  left: number;
}

/** One tree of errors being boxed. */
class Boxing {
  readonly #registry: ErrorRegistry | undefined;
  readonly #extensions: ExtensionSet;
  /** Characters that may still be kept of the whole tree. */
  #left = MAX_BOXED_TREE_BYTES;
  /** How deep in the encoded message the value being boxed stands. */
  #level = 0;
  /** The objects that the one being boxed stands in. */
  readonly #around = new Set<unknown>();

  constructor(options: BoxOptions) {
    this.#registry = options.registry;
    this.#extensions = options.extensions ?? NO_EXTENSIONS;
  }

  box(thrown: unknown, depth: number): BoxedError {
    const allowance: Allowance = { left: MAX_BOXED_ERROR_BYTES };
    if (!isError(thrown)) return this.#value(thrown, allowance);
    this.#around.add(thrown);
    this.#level += LEVELS_OF_BOX;
    const remote = safely(() => (thrown instanceof RemoteActorError ? this.#remote(thrown) : undefined), undefined);
    const boxed = remote ?? this.#error(thrown, depth, allowance);
    this.#level -= LEVELS_OF_BOX;
    this.#around.delete(thrown);
    return present(boxed);
  }

  #value(thrown: unknown, allowance: Allowance): BoxedError {
    const name = typeof thrown === "object" ? (thrown === null ? "null" : classOf(thrown)) : typeof thrown;
    const message = this.#text(typeof thrown === "string" ? thrown : show(thrown), allowance);
    return { kind: "value", type: name, name, message, value: this.#data(thrown, 0, allowance) };
  }

  #remote(error: RemoteActorError): BoxedError {
    return {
      kind: "remote",
      type: "RemoteActorError",
      name: "RemoteActorError",
      message: "",
      ...wayOf(error),
      cause: boxOf.get(error) ?? present(this.#fromFacts(error)),
    };
  }

  /** A remote error that was not unboxed here: made by hand, or come from a peer that sends no boxes. */
  #fromFacts(error: RemoteActorError): BoxedError {
    const allowance: Allowance = { left: MAX_BOXED_ERROR_BYTES };
    const stack = error.remoteStack;
    return {
      kind: "error",
      type: this.#text(error.remoteName, allowance),
      name: this.#text(error.remoteName, allowance),
      message: this.#text(error.remoteMessage, allowance, MAX_BOXED_ERROR_BYTES / 2),
      stack: stack === undefined ? undefined : this.#text(stack, allowance),
      data: this.#ownData(error.data, allowance),
      cause: this.#cause(error, 0),
    };
  }

  #error(error: object, depth: number, allowance: Allowance): BoxedError {
    const type = this.#registry?.nameOf(read(error, "constructor")) ?? classOf(error);
    const name = read(error, "name");
    const message = read(error, "message");
    const stack = read(error, "stack");
    const code = read(error, "code");
    const errors = isGroup(error) ? read(error, "errors") : undefined;
    const kept = typeof code === "string" || typeof code === "number";
    return {
      ...safely(() => wayOf(error), undefined),
      kind: Array.isArray(errors) ? "group" : isRuntimeErrorSafely(error) ? "runtime" : "error",
      type: this.#text(type, allowance, MAX_NAME),
      name: this.#text(typeof name === "string" && name !== "" ? name : type, allowance, MAX_NAME),
      message: this.#text(typeof message === "string" ? message : show(message), allowance, MAX_BOXED_ERROR_BYTES / 2),
      stack: typeof stack === "string" ? this.#text(stack, allowance) : undefined,
      code:
        typeof code === "string" ? this.#text(code, allowance, MAX_NAME) : typeof code === "number" ? code : undefined,
      data: this.#ownData(error, allowance, kept || code === undefined ? BOX_FIELDS : CODE_IS_DATA),
      cause: this.#cause(error, depth),
      ...(Array.isArray(errors) ? this.#group(errors, depth) : undefined),
    };
  }

  #cause(error: object, depth: number): BoxedError | undefined {
    if (!safely(() => "cause" in error, false)) return undefined;
    const cause = read(error, "cause");
    if (cause === undefined || depth >= MAX_CAUSE_DEPTH || this.#around.has(cause) || this.#isDeep) return undefined;
    return this.box(cause, depth + 1);
  }

  #group(errors: readonly unknown[], depth: number): Pick<BoxedError, "errors" | "omitted"> {
    const kept: BoxedError[] = [];
    const length = safely(() => errors.length, 0);
    const most = depth >= MAX_CAUSE_DEPTH || this.#isDeep ? 0 : Math.min(length, MAX_GROUP_ERRORS);
    for (let i = 0; i < most && this.#left > 0; i++) {
      const error = read(errors, i);
      if (!this.#around.has(error)) kept.push(this.box(error, depth + 1));
    }
    return { errors: kept, omitted: length > kept.length ? length - kept.length : undefined };
  }

  #ownData(
    error: object,
    allowance: Allowance,
    without: ReadonlySet<string> = BOX_FIELDS,
  ): Record<string, unknown> | undefined {
    const keys = safely(() => Object.keys(error), []).filter((key) => !without.has(key));
    if (keys.length === 0) return undefined;
    return this.#record(error, keys, 0, allowance);
  }

  #record(from: object, keys: readonly string[], depth: number, allowance: Allowance): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    for (const key of keys.slice(0, MAX_BOXED_PROPERTIES)) {
      if (this.#isSpent(allowance)) break;
      setOwn(out, this.#text(key, allowance, MAX_NAME), this.#data(readOr(from, key), depth + 1, allowance));
    }
    return out;
  }

  /** A copy that can be encoded; what cannot be is replaced by its text, marked as such. */
  #data(value: unknown, depth: number, allowance: Allowance): unknown {
    this.#charge(allowance, NODE_COST);
    switch (typeof value) {
      case "string":
        return this.#text(value, allowance);
      case "bigint":
        return BigInt.asIntN(MAX_BIGINT_BITS, value) === value ? value : this.#instead(value, allowance);
      case "function":
      case "symbol":
        return this.#special(value, allowance);
      case "object":
        break;
      default:
        return value;
    }
    if (value === null) return null;
    if (value instanceof Unreadable) return this.#text(`[not sent: ${value.why}]`, allowance);
    if (depth > MAX_BOXED_DEPTH || this.#isDeep || this.#around.has(value) || this.#isSpent(allowance)) {
      return this.#instead(value, allowance);
    }
    this.#around.add(value);
    const level = this.#level++;
    const copy = safely(() => this.#copy(value, depth, allowance), UNREADABLE);
    this.#level = level;
    this.#around.delete(value);
    return copy === UNREADABLE ? this.#instead(value, allowance) : copy;
  }

  #copy(value: object, depth: number, allowance: Allowance): unknown {
    if (isError(value)) return new BoxedValue(this.box(value, depth + 1));
    if (Array.isArray(value)) return this.#list(value, value.length, depth, allowance);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      return this.#record(value, Object.keys(value), depth, allowance);
    }
    if (value instanceof Map && prototype === Map.prototype) {
      const entries = this.#list([...value].flat(), 2 * value.size, depth, allowance);
      const pairs = entries.flatMap((key, i): [unknown, unknown][] => (i % 2 === 0 ? [[key, entries[i + 1]]] : []));
      return new Map(pairs);
    }
    if (value instanceof Set && prototype === Set.prototype) {
      return new Set(this.#list([...value], value.size, depth, allowance));
    }
    return this.#special(value, allowance);
  }

  #list(value: readonly unknown[], length: number, depth: number, allowance: Allowance): unknown[] {
    const out: unknown[] = [];
    for (let i = 0; i < length && i < MAX_BOXED_PROPERTIES && !this.#isSpent(allowance); i++) {
      out.push(this.#data(readOr(value, i), depth + 1, allowance));
    }
    if (out.length < length) out.push(`… [${length - out.length} more items]`);
    return out;
  }

  #special(value: object | symbol, allowance: Allowance): unknown {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      if (value.byteLength > Math.min(allowance.left, this.#left)) return this.#instead(value, allowance);
      this.#charge(allowance, value.byteLength);
    }
    const issues = findIssues(value, { extensions: this.#extensions });
    return issues.length === 0 ? value : this.#instead(value, allowance);
  }

  #instead(value: unknown, allowance: Allowance): string {
    return this.#text(`[not sent: ${show(value)}]`, allowance);
  }

  get #isDeep(): boolean {
    return this.#level >= MAX_BOXED_LEVELS;
  }

  #isSpent(allowance: Allowance): boolean {
    return allowance.left <= 0 || this.#left <= 0;
  }

  #charge(allowance: Allowance, amount: number): void {
    allowance.left -= amount;
    this.#left -= amount;
  }

  /** As much of a text as may be kept, with a mark where it was cut. */
  #text(text: string, allowance: Allowance, most = MAX_BOXED_ERROR_BYTES): string {
    const room = Math.max(0, Math.min(most, allowance.left, this.#left));
    this.#charge(allowance, Math.min(room, text.length));
    return text.length <= room ? text : `${text.slice(0, room)}… [truncated ${text.length - room} characters]`;
  }
}

/** Levels of nesting that an error adds to the message: itself and, in a group, the list it stands in. */
const LEVELS_OF_BOX = 2;
/** Characters kept of a name or key. */
const MAX_NAME = 256;
/** What one value counts for besides its text, so that data of many small values is bounded too. */
const NODE_COST = 8;
/** A bigint longer than this is sent as text. */
const MAX_BIGINT_BITS = 4096;
const CODE_IS_DATA: ReadonlySet<string> = new Set([...BOX_FIELDS].filter((field) => field !== "code"));
const UNREADABLE = Symbol("unreadable");

/** Stands for a property whose getter threw. */
class Unreadable {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

/** True for errors of any realm. (Not a type predicate on `Error`: their properties are still not to be trusted.) */
function isError(value: unknown): value is Thrown {
  return safely(() => value instanceof Error || types.isNativeError(value), false);
}

function isGroup(error: object): boolean {
  return safely(() => error instanceof AggregateError, false);
}

function isRuntimeErrorSafely(error: object): boolean {
  return safely(() => isRuntimeError(error), false);
}

function classOf(value: object): string {
  const type = read(value, "constructor");
  const name = typeof type === "function" ? read(type, "name") : undefined;
  return typeof name === "string" && name !== "" ? name : isError(value) ? "Error" : "Object";
}

function read(from: object, key: PropertyKey): unknown {
  return safely(() => Reflect.get(from, key), undefined);
}

function readOr(from: object, key: PropertyKey): unknown {
  return safely(() => Reflect.get(from, key), new Unreadable(`reading ${String(key)} threw`));
}

/** One line about anything. */
function show(value: unknown): string {
  if (value === undefined) return "";
  return safely(() => inspect(value, SHORT), "something that cannot be shown");
}

const SHORT = { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 8, maxStringLength: 256 } as const;

/** What was thrown is in hands that we do not know: any look at it may run a getter or a proxy trap that throws. */
function safely<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
