/** What names a shared resource: compared by value where it is data, else by identity. */
import { MAX_KEY_DEPTH } from "./limits.ts";

/**
 * A key: strings, numbers and other primitives, arrays and plain objects of them at any place, are the same if they look
 * the same, whatever the order of an object's properties. Functions, symbols and instances of classes (a portal, say) are
 * the same only if they are that very one.
 */
export type SharedKey =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | readonly SharedKey[]
  | { readonly [name: string]: SharedKey }
  | object;

/** What is compared by identity, by number. */
const numbers = new WeakMap<WeakKey, number>();
let lastNumber = 0;

/** A text that two keys have in common if, and only if, they are the same. @throws RangeError for one nested too deeply */
export function textOf(key: SharedKey, depth = 0): string {
  if (depth > MAX_KEY_DEPTH) throw new RangeError(`a key nests at most ${MAX_KEY_DEPTH} levels deep: is it cyclic?`);
  switch (typeof key) {
    case "string":
      return JSON.stringify(key);
    case "bigint":
      return `${key}n`;
    case "symbol": {
      const registered = Symbol.keyFor(key);
      return registered === undefined ? numbered(key) : `@${JSON.stringify(registered)}`;
    }
    case "function":
      return numbered(key);
    case "object":
      break;
    default:
      return String(key);
  }
  if (key === null) return "null";
  if (Array.isArray(key)) return `[${key.map((part) => textOf(part, depth + 1)).join()}]`;
  const prototype: unknown = Object.getPrototypeOf(key);
  if (prototype !== Object.prototype && prototype !== null) return numbered(key);
  const parts = Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${parts.map(([name, part]) => `${JSON.stringify(name)}:${textOf(part as SharedKey, depth + 1)}`).join()}}`;
}

function numbered(key: WeakKey): string {
  let number = numbers.get(key);
  if (number === undefined) {
    number = ++lastNumber;
    numbers.set(key, number);
  }
  return `#${number}`;
}
