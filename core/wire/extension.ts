/**
 * msgpack extension types: what JavaScript programs send every day and msgpack has no type for. The numbers are part of
 * the protocol between two of us and never change.
 *
 *     undefined   fixext1  [ 0 ]
 *     bigint      bytes, two's complement, big-endian, whole ones; only outside what int64 and uint64 tell apart
 *     Map         array [ key, value, key, value, … ]
 *     Set         array of its values
 *     Error       map, a `BoxedError`
 *     RegExp      array [ source, flags ]
 *     URL         str, the href
 *     view        [ kind: uint8 ][ elements, little-endian ]; kinds in `VIEWS`, 255 is an ArrayBuffer
 *     custom      array [ name: str, data ]
 *     Date        msgpack's own timestamp, -1
 */
export const EXT = {
  undefined: 0,
  bigint: 1,
  map: 2,
  set: 3,
  error: 4,
  regexp: 5,
  url: 6,
  view: 7,
  custom: 8,
  timestamp: -1,
} as const;

/** Views on memory by kind number. A `Uint8Array` (and `Buffer`) is msgpack's bin instead. */
export const VIEWS = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
] as const;

/** Kind number of an `ArrayBuffer`. */
export const ARRAY_BUFFER_KIND = 255;

/**
 * How values of one class cross the wire; both sides must have been given it. It is asked about every value that is not
 * plain data (class instances, functions, symbols), before the built-in types are.
 */
export interface ExtensionType<T = unknown> {
  /** What it is called on the wire: the same on both sides, and no two alike on one. */
  readonly name: string;
  match(value: unknown): value is T;
  /** What to send instead: anything that can be sent. */
  encode(value: T): unknown;
  /** @param data - what `encode` gave on the other side, of which nothing has been checked: throw if it is not right */
  decode(data: unknown): T;
}

/** Extension types, by value and by name: those of one dialog, and around them those of the whole actor. */
export class ExtensionSet {
  readonly #types: ExtensionType[] = [];
  readonly #byName = new Map<string, ExtensionType>();
  readonly #outer: ExtensionSet | undefined;

  /**
   * @param outer - types that are known too, where none of these fits
   * @throws RangeError if two of them have the same name
   */
  constructor(types: readonly ExtensionType[] = [], outer?: ExtensionSet) {
    this.#outer = outer;
    for (const type of types) this.add(type);
  }

  /** @throws RangeError if another type has that name; the same one may be added again */
  add(type: ExtensionType): void {
    const known = this.#byName.get(type.name);
    if (known === type) return;
    if (known !== undefined) {
      throw new RangeError(`extension types have different names, got "${type.name}" twice`);
    }
    this.#types.push(type);
    this.#byName.set(type.name, type);
  }

  /** The first that matches. */
  find(value: unknown): ExtensionType | undefined {
    for (const type of this.#types) if (type.match(value)) return type;
    return this.#outer?.find(value);
  }

  get(name: string): ExtensionType | undefined {
    return this.#byName.get(name) ?? this.#outer?.get(name);
  }
}

/** No extension types. */
export const NO_EXTENSIONS = new ExtensionSet();
