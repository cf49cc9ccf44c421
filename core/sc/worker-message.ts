/** What the two threads of a `runInWorker` say to each other, and thrown values as data that structured clone copies. */
import { inspect, types } from "node:util";
import { ExceptionGroup } from "../exception-group.ts";

/** What a worker thread is given when it starts. */
export interface WorkerStart {
  /** The module to serve with. */
  readonly entry: string;
  /** Module whose `register` loads TypeScript, where that is needed. */
  readonly loader: string | undefined;
  /** Shared: how many calls the worker has taken up. They come one by one, so both sides number them alike. */
  readonly taken: Int32Array;
}

export interface CallRequest {
  readonly url: string;
  readonly func: string;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly kind: "returned"; readonly value: unknown }
  | { readonly kind: "threw"; readonly thrown: Thrown }
  | { readonly kind: "notImported"; readonly thrown: Thrown }
  | { readonly kind: "notFound"; readonly why: string }
  | { readonly kind: "notCloned"; readonly what: string; readonly thrown: Thrown };

export interface CallReply {
  readonly espalierCall: number;
  readonly answer: Answer;
}

/** User code in the worker may post messages of its own to its parent: those are none of ours. */
export function isReplyTo(id: number, message: unknown): message is CallReply {
  return typeof message === "object" && message !== null && "espalierCall" in message && message.espalierCall === id;
}

/** Errors kept of one thrown value, with all causes and group members: longer chains are loops or retries. */
export const MAX_RELAYED_ERRORS = 256;

/** A thrown value as data: structured clone alone loses an error's name, class, own properties and more. */
export type Thrown = ThrownError | { readonly kind: "value"; readonly value: unknown };

interface ThrownError {
  readonly kind: "error";
  /** The nearest built-in class. */
  readonly base: string;
  readonly name: string;
  readonly message: string;
  stack: string | undefined;
  cause: Thrown | undefined;
  errors: readonly Thrown[] | undefined;
  data: readonly (readonly [key: string, value: Thrown])[];
}

type Revive = (message: string, name: string) => Error;

/** The most special first. Our own `Cancelled` is not among them: another tree's cancellation is an error in this one. */
const BUILT_IN: readonly (readonly [base: string, type: abstract new (...args: never[]) => Error, revive: Revive])[] = [
  ["ExceptionGroup", ExceptionGroup, (message) => new ExceptionGroup(message, [undefined])],
  ["AggregateError", AggregateError, (message) => new AggregateError([], message)],
  ["DOMException", DOMException, (message, name) => new DOMException(message, name)],
  ["EvalError", EvalError, (message) => new EvalError(message)],
  ["RangeError", RangeError, (message) => new RangeError(message)],
  ["ReferenceError", ReferenceError, (message) => new ReferenceError(message)],
  ["SyntaxError", SyntaxError, (message) => new SyntaxError(message)],
  ["TypeError", TypeError, (message) => new TypeError(message)],
  ["URIError", URIError, (message) => new URIError(message)],
];

/** Own properties that stand elsewhere in a `ThrownError`. */
const ELSEWHERE: ReadonlySet<string> = new Set(["name", "message", "stack", "cause", "errors"]);

/** A thrown value as data. Only a thrown non-error can be left that cannot be cloned. */
export function packThrown(thrown: unknown): Thrown {
  return isError(thrown) ? new Packing().error(thrown) : { kind: "value", value: thrown };
}

class Packing {
  readonly #packed = new Map<object, ThrownError>();

  error(error: object): ThrownError {
    const before = this.#packed.get(error);
    if (before !== undefined) return before;
    const base = BUILT_IN.find(([, type]) => error instanceof type)?.[0] ?? "Error";
    const packed: ThrownError = {
      kind: "error",
      base,
      name: String(read(error, "name") ?? base),
      message: String(read(error, "message") ?? ""),
      stack: undefined,
      cause: undefined,
      errors: undefined,
      data: [],
    };
    this.#packed.set(error, packed);
    const stack = read(error, "stack");
    if (typeof stack === "string") packed.stack = stack;
    if ("cause" in error) packed.cause = this.#any(read(error, "cause"));
    const errors = read(error, "errors");
    if (error instanceof AggregateError && Array.isArray(errors)) packed.errors = errors.map((e) => this.#any(e));
    packed.data = Object.keys(error)
      .filter((key) => !ELSEWHERE.has(key))
      .map((key) => [key, this.#any(read(error, key))]);
    return packed;
  }

  #any(value: unknown): Thrown {
    if (isError(value)) {
      if (this.#packed.has(value) || this.#packed.size < MAX_RELAYED_ERRORS) return this.error(value);
      return {
        kind: "value",
        value: `[not relayed: ${String(read(value, "name"))}: ${String(read(value, "message"))}]`,
      };
    }
    try {
      structuredClone(value);
      return { kind: "value", value };
    } catch {
      // Whatever stands in the way, a getter that throws included: a text says more than nothing.
      return { kind: "value", value: `[not relayed: ${inspect(value, { depth: 1 })}]` };
    }
  }
}

/** What was thrown, from data: built-in classes as themselves, others as the built-in class they extend. */
export function unpackThrown(thrown: Thrown, unpacked = new Map<ThrownError, Error>()): unknown {
  if (thrown.kind === "value") return thrown.value;
  const before = unpacked.get(thrown);
  if (before !== undefined) return before;
  const revive = BUILT_IN.find(([base]) => base === thrown.base)?.[2];
  const error = revive?.(thrown.message, thrown.name) ?? new Error(thrown.message);
  unpacked.set(thrown, error);
  const hide = (key: string, value: unknown) =>
    Object.defineProperty(error, key, { value, writable: true, configurable: true, enumerable: false });
  if (error.name !== thrown.name) hide("name", thrown.name);
  hide("stack", thrown.stack);
  if (thrown.cause !== undefined) hide("cause", unpackThrown(thrown.cause, unpacked));
  if (thrown.errors !== undefined) {
    hide(
      "errors",
      thrown.errors.map((member) => unpackThrown(member, unpacked)),
    );
  }
  for (const [key, value] of thrown.data) {
    const data = { value: unpackThrown(value, unpacked), writable: true, configurable: true, enumerable: true };
    Object.defineProperty(error, key, data);
  }
  return error;
}

function isError(value: unknown): value is object {
  return types.isNativeError(value) || value instanceof Error;
}

/** A property of foreign code's error, of which any may be a getter that throws. */
function read(from: object, key: string): unknown {
  try {
    return Reflect.get(from, key);
  } catch (error) {
    return `[not relayed: reading it threw ${inspect(error, { depth: 0 })}]`;
  }
}
