/**
 * Why a value cannot be encoded, and where in it. Only walked after encoding has failed, so it may take its time; it is
 * bounded all the same, as the value may refer to one part many times over.
 */
import { inspect } from "node:util";
import type { MsgIssue } from "../errors/mod.ts";
import { type ExtensionSet, NO_EXTENSIONS, VIEWS } from "./extension.ts";
import { MAX_REPORTED_ISSUES, MAX_VALUE_DEPTH } from "./limits.ts";

export interface EncodableOptions {
  extensions?: ExtensionSet | undefined;
  /** Whether only msgpack's own types may be used. */
  plain?: boolean | undefined;
}

/** What is wrong with `value`, the first few offending fields with their paths; empty if it can be encoded. */
export function findIssues(value: unknown, options: EncodableOptions = {}): MsgIssue[] {
  const walk = new Walk(options);
  try {
    walk.visit(value, 0);
  } catch (error) {
    // An extension type's `match` or `encode` threw at a value that is not inside an object.
    walk.issues.push({ path: [], message: `cannot be read: ${describe(error)}` });
  }
  return walk.issues;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : inspect(error);
}

class Walk {
  readonly issues: MsgIssue[] = [];
  readonly #extensions: ExtensionSet;
  readonly #plain: boolean;
  readonly #path: PropertyKey[] = [];
  readonly #around = new Set<object>();
  /** Found to be in order at this depth; nothing new can be found at the same or a lesser one. */
  readonly #sound = new Map<object, number>();

  constructor(options: EncodableOptions) {
    this.#extensions = options.extensions ?? NO_EXTENSIONS;
    this.#plain = options.plain ?? false;
  }

  visit(value: unknown, depth: number): void {
    if (this.issues.length >= MAX_REPORTED_ISSUES) return;
    switch (typeof value) {
      case "object":
        if (value !== null) this.#object(value, depth);
        return;
      case "bigint":
        if (this.#plain && BigInt.asUintN(64, value) !== value && BigInt.asIntN(64, value) !== value) {
          this.#refuse("the peer takes integers of up to 64 bits only");
        }
        return;
      case "function":
      case "symbol":
        this.#special(value, depth);
        return;
      default:
        return;
    }
  }

  #object(value: object, depth: number): void {
    if (this.#around.has(value)) {
      this.#refuse("refers back to a value that it stands in; send a tree");
      return;
    }
    if (depth >= MAX_VALUE_DEPTH) {
      this.#refuse(`is nested deeper than ${MAX_VALUE_DEPTH} levels`);
      return;
    }
    if ((this.#sound.get(value) ?? -1) >= depth) return;
    const before = this.issues.length;
    this.#around.add(value);
    try {
      this.#inside(value, depth);
    } catch (error) {
      this.#refuse(`cannot be read: ${describe(error)}`);
    }
    this.#around.delete(value);
    if (this.issues.length === before) this.#sound.set(value, depth);
  }

  #inside(value: object, depth: number): void {
    if (Array.isArray(value)) {
      // By key, not by index: a sparse array may claim billions of items, and its holes are in order.
      for (const key of Object.keys(value)) {
        const index = Number(key);
        if (Number.isInteger(index)) this.#field(index, value[index], depth);
      }
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      this.#special(value, depth);
      return;
    }
    for (const key of Object.keys(value)) {
      const read = readField(value, key);
      if ("error" in read) this.#at(key, () => this.#refuse(`cannot be read: ${read.error}`));
      else this.#field(key, read.value, depth);
    }
  }

  #field(key: PropertyKey, value: unknown, depth: number): void {
    this.#at(key, () => this.visit(value, depth + 1));
  }

  #at(key: PropertyKey, look: () => void): void {
    this.#path.push(key);
    try {
      look();
    } finally {
      this.#path.pop();
    }
  }

  #special(value: object | symbol, depth: number): void {
    const type = this.#extensions.find(value);
    if (type !== undefined) {
      if (depth >= MAX_VALUE_DEPTH) {
        this.#refuse(`is nested deeper than ${MAX_VALUE_DEPTH} levels`);
        return;
      }
      this.visit(type.encode(value), depth + 1);
      return;
    }
    if (typeof value === "function") {
      this.#refuse("a function cannot be sent; send data, or the name of an endpoint");
      return;
    }
    if (typeof value === "symbol") {
      this.#refuse("a symbol cannot be sent");
      return;
    }
    this.#instance(value, depth);
  }

  #instance(value: object, depth: number): void {
    switch (Object.getPrototypeOf(value)) {
      case Uint8Array.prototype:
      case Buffer.prototype:
      case ArrayBuffer.prototype:
        return;
      case Date.prototype:
        if (value instanceof Date && Number.isNaN(value.getTime())) this.#refuse("an invalid Date cannot be sent");
        return;
      case Map.prototype:
        if (value instanceof Map) this.#entries(value, depth);
        return;
      case Set.prototype:
        if (value instanceof Set) this.#items(value, depth);
        return;
      case RegExp.prototype:
      case URL.prototype:
        if (this.#plain) this.#refuse("the peer does not understand this type; send its text");
        return;
    }
    if (VIEWS.some((View) => Object.getPrototypeOf(value) === View.prototype)) return;
    if (value instanceof Error) {
      if (this.#plain) this.#refuse("the peer does not understand errors as values; send its text");
      return;
    }
    const name = className(value);
    this.#refuse(`an instance of ${name} cannot be sent; send plain data, or give both sides an extension type for it`);
  }

  #entries(value: ReadonlyMap<unknown, unknown>, depth: number): void {
    for (const [key, item] of value) {
      this.#field("(key)", key, depth);
      this.#field(typeof key === "string" || typeof key === "number" ? key : className(key), item, depth);
    }
  }

  #items(value: ReadonlySet<unknown>, depth: number): void {
    let i = 0;
    for (const item of value) this.#field(i++, item, depth);
  }

  #refuse(message: string): void {
    if (this.issues.length < MAX_REPORTED_ISSUES) this.issues.push({ path: [...this.#path], message });
  }
}

function readField(value: object, key: string): { readonly value: unknown } | { readonly error: string } {
  try {
    return { value: Reflect.get(value, key) };
  } catch (error) {
    return { error: describe(error) };
  }
}

function className(value: unknown): string {
  if (typeof value !== "object" || value === null) return typeof value;
  const { constructor: type }: { constructor?: unknown } = value;
  return typeof type === "function" && type.name !== "" ? type.name : "a class without a name";
}
