/**
 * Values to msgpack, straight into the outgoing frame. Integers, strings and lengths take their shortest form, as Python
 * peers write them.
 *
 * What cannot be encoded is refused by a throw without details; `encodable.ts` then finds out which field it was, so
 * that what can be encoded pays nothing for that.
 */
import { boxValue } from "./box-error.ts";
import { BoxedValue } from "./boxed-value.ts";
import { ARRAY_BUFFER_KIND, EXT, type ExtensionSet, NO_EXTENSIONS, VIEWS } from "./extension.ts";
import type { FrameWriter } from "./frame.ts";
import { MAX_VALUE_DEPTH } from "./limits.ts";
import { NotEncodable } from "./not-encodable.ts";
import {
  beginExtension,
  endExtension,
  writeArrayHeader,
  writeBigintExtension,
  writeBin,
  writeByte,
  writeDate,
  writeExtensionHeader,
  writeInt64,
  writeMapHeader,
  writeNil,
  writeNumber,
  writeString,
  writeUndefined,
} from "./primitive-writer.ts";
import { isRecord } from "./record.ts";

export interface ValueWriterOptions {
  extensions?: ExtensionSet | undefined;
  /**
   * Write msgpack's own types only, for peers that do not know ours: undefined as nil, a Map as a map, a Set and a
   * typed array as what they hold; the other types of `extension.ts` but Date are refused.
   */
  plain?: boolean | undefined;
}

export class ValueWriter {
  /** Types of the user's own; may be set anew between values. */
  extensions: ExtensionSet;
  readonly #plain: boolean;

  constructor(options: ValueWriterOptions = {}) {
    this.extensions = options.extensions ?? NO_EXTENSIONS;
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
    if (isRecord(value)) this.#record(out, value, depth);
    else if (isBytes(value)) writeBin(out, value);
    else this.#custom(out, value, depth);
  }

  #record(out: FrameWriter, value: Readonly<Record<string, unknown>>, depth: number): void {
    const keys = Object.keys(value);
    writeMapHeader(out, keys.length);
    for (const key of keys) {
      writeString(out, key);
      this.write(out, value[key], depth + 1);
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
    const type = this.extensions.find(value);
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
      const boxed = value instanceof BoxedValue ? value.boxed : boxValue(value, { extensions: this.extensions });
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

function isBytes(value: object): value is Uint8Array {
  return value instanceof Uint8Array && (isExactly(value, Uint8Array) || isExactly(value, Buffer));
}
