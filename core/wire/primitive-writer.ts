/** The parts of msgpack, each in its shortest form, written to the end of the open frame. */
import { EXT } from "./extension.ts";
import type { FrameWriter } from "./frame.ts";
import { RESERVED_TOO_MUCH_BYTES } from "./limits.ts";
import { NotEncodable } from "./not-encodable.ts";

export function writeByte(out: FrameWriter, byte: number): void {
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

export function writeUndefined(out: FrameWriter): void {
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

export function writeInt64(out: FrameWriter, value: bigint): void {
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

export function writeBin(out: FrameWriter, value: Uint8Array): void {
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

export function writeExtensionHeader(out: FrameWriter, size: number, type: number): void {
  const fixed = FIXEXT.get(size);
  if (fixed !== undefined) writeByte(out, fixed);
  else if (size < 0x100) writeHead(out, 0xc7, 1, size);
  else if (size < 0x10000) writeHead(out, 0xc8, 2, size);
  else writeHead(out, 0xc9, 4, size);
  writeByte(out, type & 0xff);
}

/** Begin an extension whose size will be known at `endExtension`: [ 0xc9 ][ size: uint32 BE ][ type: int8 ] */
export function beginExtension(out: FrameWriter, type: number): number {
  writeByte(out, 0xc9);
  const mark = out.openLength(4);
  writeByte(out, type);
  return mark;
}

export function endExtension(out: FrameWriter, mark: number): void {
  const at = out.closeLength(mark);
  out.bytes.writeUInt32BE(out.at - at - 5, at);
}

export function writeBigintExtension(out: FrameWriter, value: bigint): void {
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
export function writeDate(out: FrameWriter, value: Date): void {
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
