/**
 * msgpack to values, from bytes that nobody has checked. Every length is held against the bytes that are left before
 * anything is made for it, nesting is bounded, and keys become own data properties whatever they are called.
 */
import { ProtocolError } from "../errors/mod.ts";
import { narrowBoxed } from "./boxed-shape.ts";
import type { ErrorRegistry } from "./error-registry.ts";
import { ARRAY_BUFFER_KIND, EXT, type ExtensionSet, NO_EXTENSIONS, VIEWS } from "./extension.ts";
import { CACHED_KEYS, CACHED_NAMES, MAX_CACHED_KEY_BYTES, MAX_CACHED_NAME_BYTES, MAX_VALUE_DEPTH } from "./limits.ts";
import { setOwn } from "./record.ts";
import { readText, TextCache } from "./text-cache.ts";
import { reviveValue } from "./unbox-error.ts";

export interface ValueReaderOptions {
  extensions?: ExtensionSet | undefined;
  /** The classes that errors within values come back as. */
  errors?: ErrorRegistry | undefined;
}

const NOTHING = Buffer.alloc(0);

/** An extension counts twice here, as itself and as the array in it; the message around a value counts too. */
const MAX_READ_DEPTH = 2 * MAX_VALUE_DEPTH + 2;

export class ValueReader {
  /** Types of the user's own; may be set anew between values. */
  extensions: ExtensionSet;
  readonly #errors: ErrorRegistry | undefined;
  readonly #keys = new TextCache(CACHED_KEYS, MAX_CACHED_KEY_BYTES);
  readonly #names = new TextCache(CACHED_NAMES, MAX_CACHED_NAME_BYTES);
  #readsNames = false;
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  #owned = false;
  #depth = 0;

  /**
   * What was well-formed and could not be turned into a value: a custom type without its codec, a pattern that this
   * JavaScript does not know. Such a value is read as undefined; whose message it is decides what becomes of it.
   */
  issues: string[] = [];

  constructor(options: ValueReaderOptions = {}) {
    this.extensions = options.extensions ?? NO_EXTENSIONS;
    this.#errors = options.errors;
  }

  /**
   * Begin to read `bytes[start]` to before `bytes[end]`.
   *
   * @param owned - whether the bytes are this payload's alone, so that long byte arrays may be views on them
   */
  open(bytes: Buffer, start: number, end: number, owned: boolean): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#owned = owned;
    this.#depth = 0;
    if (this.issues.length > 0) this.issues = [];
  }

  /** @throws ProtocolError if not everything has been read */
  close(): void {
    const extra = this.#end - this.#at;
    this.#bytes = NOTHING;
    if (extra > 0) throw new ProtocolError(`received ${extra} bytes more than the message has`);
  }

  /** The first byte of the next value, which says of which type it is. */
  get head(): number {
    if (this.#at >= this.#end) throw truncated();
    return this.#bytes[this.#at] ?? 0;
  }

  /** The next value, whose texts are names that come again: they are remembered. @throws as `value` */
  nameOrNames(): unknown {
    this.#readsNames = true;
    try {
      return this.value();
    } finally {
      this.#readsNames = false;
    }
  }

  /**
   * The next value.
   *
   * @throws ProtocolError if it is cut off, nested too deep, or not msgpack
   */
  value(): unknown {
    if (this.#at >= this.#end) throw truncated();
    const head = this.#bytes[this.#at++] ?? 0;
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f);
    if (head < 0xa0) return this.#array(head & 0x0f);
    if (head < 0xc0) return this.#text(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#bin(this.#uint8());
      case 0xc5:
        return this.#bin(this.#uint16());
      case 0xc6:
        return this.#bin(this.#uint32());
      case 0xc7:
        return this.#extension(this.#uint8());
      case 0xc8:
        return this.#extension(this.#uint16());
      case 0xc9:
        return this.#extension(this.#uint32());
      case 0xca:
        return this.#bytes.readFloatBE(this.#take(4));
      case 0xcb:
        return this.#bytes.readDoubleBE(this.#take(8));
      case 0xcc:
        return this.#uint8();
      case 0xcd:
        return this.#uint16();
      case 0xce:
        return this.#uint32();
      case 0xcf:
        return narrowInteger(this.#bytes.readBigUInt64BE(this.#take(8)));
      case 0xd0:
        return (this.#uint8() << 24) >> 24;
      case 0xd1:
        return (this.#uint16() << 16) >> 16;
      case 0xd2:
        return this.#uint32() | 0;
      case 0xd3:
        return narrowInteger(this.#bytes.readBigInt64BE(this.#take(8)));
      case 0xd4:
        return this.#extension(1);
      case 0xd5:
        return this.#extension(2);
      case 0xd6:
        return this.#extension(4);
      case 0xd7:
        return this.#extension(8);
      case 0xd8:
        return this.#extension(16);
      case 0xd9:
        return this.#text(this.#uint8());
      case 0xda:
        return this.#text(this.#uint16());
      case 0xdb:
        return this.#text(this.#uint32());
      case 0xdc:
        return this.#array(this.#uint16());
      case 0xdd:
        return this.#array(this.#uint32());
      case 0xde:
        return this.#map(this.#uint16());
      case 0xdf:
        return this.#map(this.#uint32());
      default:
        throw new ProtocolError(`received 0x${head.toString(16)}, which begins no msgpack value`);
    }
  }

  /** The length of the array that comes next, whose items the caller reads; undefined if it is not an array. */
  arrayLength(): number | undefined {
    const { head } = this;
    if (head >= 0x90 && head < 0xa0) {
      this.#at++;
      return head & 0x0f;
    }
    if (head !== 0xdc && head !== 0xdd) return undefined;
    this.#at++;
    return head === 0xdc ? this.#uint16() : this.#uint32();
  }

  /** The byte array that comes next, as a view that is good until the next `open`; undefined if it is none. */
  bytesView(): Uint8Array | undefined {
    const { head } = this;
    if (head < 0xc4 || head > 0xc6) return undefined;
    this.#at++;
    const size = head === 0xc4 ? this.#uint8() : head === 0xc5 ? this.#uint16() : this.#uint32();
    const at = this.#take(size);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, size);
  }

  #uint8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  #uint16(): number {
    const at = this.#take(2);
    return ((this.#bytes[at] ?? 0) << 8) | (this.#bytes[at + 1] ?? 0);
  }

  #uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  /** Step over `size` bytes; where they begin. */
  #take(size: number): number {
    const at = this.#at;
    if (size > this.#end - at) throw truncated();
    this.#at = at + size;
    return at;
  }

  #enter(): void {
    if (++this.#depth > MAX_READ_DEPTH) {
      throw new ProtocolError(`received a value nested deeper than ${MAX_VALUE_DEPTH} levels`);
    }
  }

  #array(length: number): unknown[] {
    // Every item takes a byte at least. Nothing is allocated on the word of a header: the array grows as items are read.
    if (length > this.#end - this.#at) throw truncated();
    const out: unknown[] = [];
    if (length === 0) return out;
    this.#enter();
    for (let i = 0; i < length; i++) out.push(this.value());
    this.#depth--;
    return out;
  }

  /** A map whose keys are all texts is an object; one with other keys is a `Map`. */
  #map(size: number): unknown {
    if (2 * size > this.#end - this.#at) throw truncated();
    const out: Record<string, unknown> = {};
    if (size === 0) return out;
    this.#enter();
    for (let i = 0; i < size; i++) {
      const key = this.#key();
      if (typeof key !== "string") return this.#restAsMap(new Map(Object.entries(out)), key, size - i);
      if (key === "__proto__") setOwn(out, key, this.value());
      else out[key] = this.value();
    }
    this.#depth--;
    return out;
  }

  #restAsMap(out: Map<unknown, unknown>, firstKey: unknown, left: number): Map<unknown, unknown> {
    out.set(firstKey, this.value());
    for (let i = 1; i < left; i++) out.set(this.#key(), this.value());
    this.#depth--;
    return out;
  }

  #key(): unknown {
    const { head } = this;
    if (head < 0xa0 || head > 0xbf) return this.value();
    this.#at++;
    const size = head & 0x1f;
    const at = this.#take(size);
    return this.#keys.read(this.#bytes, at, size);
  }

  #text(size: number): string {
    const at = this.#take(size);
    return this.#readsNames ? this.#names.read(this.#bytes, at, size) : readText(this.#bytes, at, size);
  }

  #bin(size: number): Uint8Array {
    const at = this.#take(size);
    // A view keeps the whole frame alive, so only where the frame is little else than these bytes.
    if (!this.#owned || 2 * size < this.#bytes.length) return new Uint8Array(copyOf(this.#bytes, at, size));
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, size);
  }

  #extension(size: number): unknown {
    const type = (this.#uint8() << 24) >> 24;
    const end = this.#at + size;
    if (end > this.#end) throw truncated();
    switch (type) {
      case EXT.undefined:
        this.#at = end;
        return undefined;
      case EXT.timestamp:
        return this.#date(size);
      case EXT.bigint:
        return this.#bigint(size);
      case EXT.view:
        return this.#view(size);
      default:
        return this.#nested(type, end);
    }
  }

  #date(size: number): Date {
    const at = this.#take(size);
    const bytes = this.#bytes;
    if (size === 4) return new Date(bytes.readUInt32BE(at) * 1000);
    if (size === 8) {
      const high = bytes.readUInt32BE(at);
      const seconds = (high & 3) * 2 ** 32 + bytes.readUInt32BE(at + 4);
      return new Date(seconds * 1000 + Math.floor((high >>> 2) / 1_000_000));
    }
    if (size !== 12) throw new ProtocolError(`received a timestamp of ${size} bytes; it has 4, 8 or 12`);
    const nanos = bytes.readUInt32BE(at);
    return new Date(Number(bytes.readBigInt64BE(at + 4)) * 1000 + Math.floor(nanos / 1_000_000));
  }

  #bigint(size: number): bigint {
    const at = this.#take(size);
    const hex = this.#bytes.toString("hex", at, at + size);
    return size === 0 ? 0n : BigInt.asIntN(8 * size, BigInt(`0x${hex}`));
  }

  #view(size: number): unknown {
    if (size === 0) throw truncated();
    const kind = this.#uint8();
    const memory = copyOf(this.#bytes, this.#take(size - 1), size - 1);
    if (kind === ARRAY_BUFFER_KIND) return memory;
    const view = viewOn(memory, kind);
    if (view !== undefined) return view;
    return this.#cannot(`a view of unknown kind ${kind}, ${memory.byteLength} bytes`);
  }

  /** The types whose data is itself a value. */
  #nested(type: number, end: number): unknown {
    const outerEnd = this.#end;
    this.#end = end;
    this.#enter();
    const out = this.#fromData(type);
    this.#depth--;
    this.#at = end;
    this.#end = outerEnd;
    return out;
  }

  #fromData(type: number): unknown {
    if (type === EXT.custom) return this.#custom(this.value());
    if (type < EXT.map || type > EXT.url) return this.#cannot(`extension type ${type}, which is not known here`);
    const data = this.value();
    if (this.#at !== this.#end) throw new ProtocolError(`received an extension of type ${type} longer than its value`);
    if (type === EXT.error) return reviveValue(narrowBoxed(data, "an error within a value"), this.#errors);
    if (type === EXT.url && typeof data === "string") {
      return URL.canParse(data) ? new URL(data) : this.#cannot("a URL that cannot be parsed");
    }
    if (!Array.isArray(data)) throw new ProtocolError(`received an extension of type ${type} without its array`);
    if (type === EXT.set) return new Set(data);
    if (type === EXT.map) {
      const out = new Map<unknown, unknown>();
      for (let i = 0; i + 1 < data.length; i += 2) out.set(data[i], data[i + 1]);
      return out;
    }
    const [source, flags] = data;
    try {
      return new RegExp(String(source), String(flags));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return this.#cannot(`a regular expression that this side does not understand: ${error.message}`);
    }
  }

  #custom(data: unknown): unknown {
    const [name, inner]: unknown[] = Array.isArray(data) ? data : [];
    if (typeof name !== "string") throw new ProtocolError("received a custom extension without a name");
    const type = this.extensions.get(name);
    if (type === undefined) return this.#cannot(`a value of type "${name}", for which this side was given no codec`);
    try {
      return type.decode(inner);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return this.#cannot(`a value that the codec "${name}" of this side refuses: ${why}`);
    }
  }

  #cannot(what: string): undefined {
    this.issues.push(what);
    return undefined;
  }
}

function truncated(): ProtocolError {
  return new ProtocolError("received a message that ends within a value");
}

function narrowInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function copyOf(bytes: Buffer, at: number, size: number): ArrayBuffer {
  const copy = new ArrayBuffer(size);
  bytes.copy(new Uint8Array(copy), 0, at, at + size);
  return copy;
}

/** A view of that kind on all of `memory`; undefined if there is no such kind or its elements do not fit. */
function viewOn(memory: ArrayBuffer, kind: number): ArrayBufferView | undefined {
  const View = VIEWS[kind];
  if (View === undefined) return undefined;
  if (View === DataView) return new DataView(memory);
  return "BYTES_PER_ELEMENT" in View && memory.byteLength % View.BYTES_PER_ELEMENT === 0 ? new View(memory) : undefined;
}
