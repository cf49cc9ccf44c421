/**
 * Values to msgpack, straight into the outgoing frame. Integers, strings and lengths take their shortest form, as Python
 * peers write them.
 *
 * What cannot be encoded is refused by a throw without details; `encodable.ts` then finds out which field it was, so
 * that what can be encoded pays nothing for that.
 */
import { boxValue } from "./boxed-error.ts";
import { BoxedValue } from "./boxed-value.ts";
import { ARRAY_BUFFER_KIND, EXT, type ExtensionSet, NO_EXTENSIONS, VIEWS } from "./extension.ts";
import type { FrameWriter } from "./frame.ts";
import { MAX_VALUE_DEPTH, RESERVED_TOO_MUCH_BYTES } from "./limits.ts";

/** Thrown where a value is met that cannot be encoded. */
export class NotEncodable extends Error {
  override readonly name = "NotEncodable";
}

export interface ValueWriterOptions {
  extensions?: ExtensionSet | undefined;
  /**
   * Write msgpack's own types only, for peers that do not know ours: undefined as nil, a Map as a map, a Set and a
   * typed array as what they hold; the other types of `extension.ts` but Date are refused.
   */
  plain?: boolean | undefined;
}

export class ValueWriter {
  readonly #extensions: ExtensionSet;
  readonly #plain: boolean;

  constructor(options: ValueWriterOptions = {}) {
    this.#extensions = options.extensions ?? NO_EXTENSIONS;
    this.#plain = options.plain ?? false;
  }

  /**
   * Append `value` to the frame that `out` has begun. If it throws, drop the frame.
   *
   * @throws NotEncodable, FrameTooLong, or whatever a getter of `value` throws
   */
  write(out: FrameWriter, value: unknown, depth = 0): void {
    switch (typeof value) {
      case "number":
        writeNumber(out, value);
        return;
      case "string":
        writeString(out, value);
        return;
      case "boolean":
        writeByte(out, value ? 0xc3 : 0xc2);
        return;
      case "undefined":
        if (this.#plain) {
          writeNil(out);
          return;
        }
        writeUndefined(out);
        return;
      case "bigint":
        this.#bigint(out, value);
        return;
      case "object":
        if (value === null) {
          writeNil(out);
          return;
        }
        this.#object(out, value, depth);
        return;
      default:
        this.#custom(out, value, depth);
        return;
    }
  }

  #object(out: FrameWriter, value: object, depth: number): void {
    if (depth >= MAX_VALUE_DEPTH) throw new NotEncodable();
    if (Array.isArray(value)) {
      writeArrayHeader(out, value.length);
      for (let i = 0; i < value.length; i++) this.write(out, value[i], depth + 1);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      this.#record(out, value, depth);
      return;
    }
    if (prototype === Uint8Array.prototype || prototype === Buffer.prototype) {
      if (value instanceof Uint8Array) {
        writeBin(out, value);
        return;
      }
    }
    this.#custom(out, value, depth);
  }

  #record(out: FrameWriter, value: object, depth: number): void {
    const keys = Object.keys(value);
    writeMapHeader(out, keys.length);
    for (const key of keys) {
      writeString(out, key);
      // The one place where a plain object is indexed: by a key that it has.
      this.write(out, value[key as keyof typeof value], depth + 1);
    }
  }

  #bigint(out: FrameWriter, value: bigint): void {
    // What a 64-bit integer tells apart from a number goes as one, which other languages read too.
    if (
      value > Number.MAX_SAFE_INTEGER ? value < 2n ** 64n : value < Number.MIN_SAFE_INTEGER && value >= -(2n ** 63n)
    ) {
      writeInt64(out, value);
      return;
    }
    if (!this.#plain) {
      writeBigintExtension(out, value);
      return;
    }
    if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new NotEncodable();
    writeNumber(out, Number(value));
  }

  #custom(out: FrameWriter, value: unknown, depth: number): void {
    const type = this.#extensions.find(value);
    if (type === undefined) {
      this.#builtIn(out, value, depth);
      return;
    }
    if (depth >= MAX_VALUE_DEPTH) throw new NotEncodable();
    const end = beginExtension(out, EXT.custom);
    writeArrayHeader(out, 2);
    writeString(out, type.name);
    this.write(out, type.encode(value), depth + 1);
    endExtension(out, end);
  }

  #builtIn(out: FrameWriter, value: unknown, depth: number): void {
    if (value instanceof Date && Object.getPrototypeOf(value) === Date.prototype) {
      writeDate(out, value);
      return;
    }
    if (value instanceof Map && Object.getPrototypeOf(value) === Map.prototype) {
      if (this.#plain) {
        this.#plainMap(out, value, depth);
        return;
      }
      this.#map(out, value, depth);
      return;
    }
    if (value instanceof Set && Object.getPrototypeOf(value) === Set.prototype) {
      if (this.#plain) {
        this.#items(out, value, depth);
        return;
      }
      const end = beginExtension(out, EXT.set);
      this.#items(out, value, depth);
      endExtension(out, end);
      return;
    }
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      this.#view(out, value);
      return;
    }
    if (this.#plain) throw new NotEncodable();
    if (value instanceof RegExp && Object.getPrototypeOf(value) === RegExp.prototype) {
      const end = beginExtension(out, EXT.regexp);
      writeArrayHeader(out, 2);
      writeString(out, value.source);
      writeString(out, value.flags);
      endExtension(out, end);
      return;
    }
    if (value instanceof URL && Object.getPrototypeOf(value) === URL.prototype) {
      const end = beginExtension(out, EXT.url);
      writeString(out, value.href);
      endExtension(out, end);
      return;
    }
    if (value instanceof Error || value instanceof BoxedValue) {
      const end = beginExtension(out, EXT.error);
      const boxed = value instanceof BoxedValue ? value.boxed : boxValue(value, { extensions: this.#extensions });
      this.#record(out, { ...boxed }, depth);
      endExtension(out, end);
      return;
    }
    throw new NotEncodable();
  }

  #map(out: FrameWriter, value: ReadonlyMap<unknown, unknown>, depth: number): void {
    const end = beginExtension(out, EXT.map);
    writeArrayHeader(out, 2 * value.size);
    this.#entries(out, value, depth);
    endExtension(out, end);
  }

  #plainMap(out: FrameWriter, value: ReadonlyMap<unknown, unknown>, depth: number): void {
    writeMapHeader(out, value.size);
    this.#entries(out, value, depth);
  }

  #entries(out: FrameWriter, value: ReadonlyMap<unknown, unknown>, depth: number): void {
    for (const [key, item] of value) {
      this.write(out, key, depth + 1);
      this.write(out, item, depth + 1);
    }
  }

  #items(out: FrameWriter, value: ReadonlySet<unknown>, depth: number): void {
    writeArrayHeader(out, value.size);
    for (const item of value) this.write(out, item, depth + 1);
  }

  #view(out: FrameWriter, value: ArrayBufferView | ArrayBuffer): void {
    const kind = value instanceof ArrayBuffer ? ARRAY_BUFFER_KIND : VIEWS.findIndex((View) => isExactly(value, View));
    if (kind < 0) throw new NotEncodable();
    const bytes =
      value instanceof ArrayBuffer
        ? new Uint8Array(value)
        : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    if (this.#plain) {
      writeBin(out, bytes);
      return;
    }
    writeExtensionHeader(out, 1 + bytes.length, EXT.view);
    writeByte(out, kind);
    out.writeBytes(bytes);
  }
}

function isExactly(value: object, type: { readonly prototype: object }): boolean {
  return Object.getPrototypeOf(value) === type.prototype;
}

function writeByte(out: FrameWriter, byte: number): void {
  out.reserve(1);
  out.bytes[out.at++] = byte;
}

/** [ head: 1 ][ value: uint8 | uint16 BE | uint32 BE ] */
function writeHead(out: FrameWriter, head: number, size: 1 | 2 | 4, value: number): void {
  out.reserve(1 + size);
  const { bytes } = out;
  bytes[out.at++] = head;
  if (size === 4) {
    bytes[out.at++] = value >>> 24;
    bytes[out.at++] = value >>> 16;
  }
  if (size >= 2) bytes[out.at++] = value >>> 8;
  bytes[out.at++] = value;
}

export function writeNil(out: FrameWriter): void {
  writeByte(out, 0xc0);
}

function writeUndefined(out: FrameWriter): void {
  out.reserve(3);
  out.bytes[out.at++] = 0xd4;
  out.bytes[out.at++] = EXT.undefined;
  out.bytes[out.at++] = 0;
}

export function writeBoolean(out: FrameWriter, value: boolean): void {
  writeByte(out, value ? 0xc3 : 0xc2);
}

export function writeNumber(out: FrameWriter, value: number): void {
  if (value >>> 0 === value) {
    if (value < 0x80) {
      if (value === 0 && 1 / value < 0) {
        writeFloat64(out, value);
        return;
      }
      writeByte(out, value);
      return;
    }
    if (value < 0x100) {
      writeHead(out, 0xcc, 1, value);
      return;
    }
    if (value < 0x10000) {
      writeHead(out, 0xcd, 2, value);
      return;
    }
    writeHead(out, 0xce, 4, value);
    return;
  }
  if ((value | 0) === value) {
    if (value >= -0x20) {
      writeByte(out, value & 0xff);
      return;
    }
    if (value >= -0x80) {
      writeHead(out, 0xd0, 1, value);
      return;
    }
    if (value >= -0x8000) {
      writeHead(out, 0xd1, 2, value);
      return;
    }
    writeHead(out, 0xd2, 4, value);
    return;
  }
  if (Number.isSafeInteger(value)) {
    writeHead(out, value < 0 ? 0xd3 : 0xcf, 4, Math.floor(value / 0x100000000));
    out.reserve(4);
    out.bytes.writeUInt32BE(value >>> 0, out.at);
    out.at += 4;
    return;
  }
  writeFloat64(out, value);
}

function writeFloat64(out: FrameWriter, value: number): void {
  out.reserve(9);
  out.bytes[out.at] = 0xcb;
  out.bytes.writeDoubleBE(value, out.at + 1);
  out.at += 9;
}

function writeInt64(out: FrameWriter, value: bigint): void {
  out.reserve(9);
  out.bytes[out.at] = value < 0n ? 0xd3 : 0xcf;
  out.bytes.writeBigUInt64BE(BigInt.asUintN(64, value), out.at + 1);
  out.at += 9;
}

/** Up to this length it is faster to copy the characters one by one than to call into the runtime. */
const SHORT_STRING = 24;

export function writeString(out: FrameWriter, value: string): void {
  const { length } = value;
  // UTF-8 takes up to three bytes per unit, and the header up to five. Only a long text is worth counting.
  out.reserve(5 + (3 * length <= RESERVED_TOO_MUCH_BYTES ? 3 * length : Buffer.byteLength(value)));
  const { bytes, at } = out;
  if (length < SHORT_STRING) {
    let i = 0;
    for (; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) break;
      bytes[at + 1 + i] = unit;
    }
    if (i === length) {
      bytes[at] = 0xa0 | length;
      out.at = at + 1 + length;
      return;
    }
  }
  // Written behind the header that it has if it is ASCII, and moved if it is not and needs a longer one.
  const guess = stringHeaderBytes(length);
  const size = bytes.write(value, at + guess, "utf8");
  const header = stringHeaderBytes(size);
  if (header !== guess) bytes.copyWithin(at + header, at + guess, at + guess + size);
  if (header === 1) writeByte(out, 0xa0 | size);
  else if (header === 2) writeHead(out, 0xd9, 1, size);
  else if (header === 3) writeHead(out, 0xda, 2, size);
  else writeHead(out, 0xdb, 4, size);
  out.at += size;
}

function stringHeaderBytes(size: number): number {
  return size < 0x20 ? 1 : size < 0x100 ? 2 : size < 0x10000 ? 3 : 5;
}

export function writeArrayHeader(out: FrameWriter, length: number): void {
  if (length < 0x10) writeByte(out, 0x90 | length);
  else if (length < 0x10000) writeHead(out, 0xdc, 2, length);
  else writeHead(out, 0xdd, 4, length);
}

export function writeMapHeader(out: FrameWriter, size: number): void {
  if (size < 0x10) writeByte(out, 0x80 | size);
  else if (size < 0x10000) writeHead(out, 0xde, 2, size);
  else writeHead(out, 0xdf, 4, size);
}

function writeBin(out: FrameWriter, value: Uint8Array): void {
  const { length } = value;
  if (length < 0x100) writeHead(out, 0xc4, 1, length);
  else if (length < 0x10000) writeHead(out, 0xc5, 2, length);
  else writeHead(out, 0xc6, 4, length);
  out.writeBytes(value);
}

const FIXEXT: ReadonlyMap<number, number> = new Map([
  [1, 0xd4],
  [2, 0xd5],
  [4, 0xd6],
  [8, 0xd7],
  [16, 0xd8],
]);

function writeExtensionHeader(out: FrameWriter, size: number, type: number): void {
  const fixed = FIXEXT.get(size);
  if (fixed !== undefined) writeByte(out, fixed);
  else if (size < 0x100) writeHead(out, 0xc7, 1, size);
  else if (size < 0x10000) writeHead(out, 0xc8, 2, size);
  else writeHead(out, 0xc9, 4, size);
  writeByte(out, type & 0xff);
}

/** Begin an extension whose size will be known at `endExtension`: [ 0xc9 ][ size: uint32 BE ][ type: int8 ] */
function beginExtension(out: FrameWriter, type: number): number {
  writeByte(out, 0xc9);
  const mark = out.openLength(4);
  writeByte(out, type);
  return mark;
}

function endExtension(out: FrameWriter, mark: number): void {
  const at = out.closeLength(mark);
  out.bytes.writeUInt32BE(out.at - at - 5, at);
}

function writeBigintExtension(out: FrameWriter, value: bigint): void {
  const digits = (value < 0n ? ~value : value).toString(16);
  // One bit more than the digits take, for the sign.
  const size = Math.floor((digits.length * 4) / 8) + 1;
  const hex = BigInt.asUintN(8 * size, value)
    .toString(16)
    .padStart(2 * size, "0");
  writeExtensionHeader(out, size, EXT.bigint);
  out.writeBytes(Buffer.from(hex, "hex"));
}

/** msgpack's timestamp in its shortest form: 32 bits of seconds, 30 + 34 bits, or nanoseconds and int64 seconds. */
function writeDate(out: FrameWriter, value: Date): void {
  const ms = value.getTime();
  if (Number.isNaN(ms)) throw new NotEncodable();
  const seconds = Math.floor(ms / 1000);
  const nanos = (ms - seconds * 1000) * 1_000_000;
  if (seconds < 0 || seconds >= 2 ** 34) {
    writeExtensionHeader(out, 12, EXT.timestamp);
    out.reserve(12);
    out.bytes.writeUInt32BE(nanos, out.at);
    out.bytes.writeBigInt64BE(BigInt(seconds), out.at + 4);
    out.at += 12;
  } else if (nanos === 0 && seconds < 2 ** 32) {
    writeExtensionHeader(out, 4, EXT.timestamp);
    out.reserve(4);
    out.bytes.writeUInt32BE(seconds, out.at);
    out.at += 4;
  } else {
    writeExtensionHeader(out, 8, EXT.timestamp);
    out.reserve(8);
    out.bytes.writeUInt32BE(nanos * 4 + Math.floor(seconds / 2 ** 32), out.at);
    out.bytes.writeUInt32BE(seconds % 2 ** 32, out.at + 4);
    out.at += 8;
  }
}
