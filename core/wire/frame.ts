/**
 * Frames: how messages stand in a byte stream.
 *
 *     [ length: uint32 LE, 1..MAX_FRAME_BYTES ][ payload: length bytes ]
 *
 * The length is checked before anything is buffered.
 */
import { ProtocolError } from "../errors/mod.ts";
import {
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  MAX_KEPT_BUFFER_BYTES,
  OUTGOING_BUFFER_BYTES,
  RESERVED_TOO_MUCH_BYTES,
} from "./limits.ts";

const NOTHING = Buffer.alloc(0);

export interface FrameReaderOptions {
  /** Longest payload accepted, in bytes; `MAX_FRAME_BYTES` unless told. */
  maxFrameBytes?: number | undefined;
}

/**
 * Parts a byte stream, which arrives in chunks cut anywhere, into payloads. A payload that lies within one chunk is a
 * view on that chunk; one that does not is copied once, into memory of its own.
 *
 * Chunks are kept until their frames have been read: do not write to a chunk after `push`. (The buffers Node's sockets
 * emit are never written again.)
 */
export class FrameReader {
  /** Longest payload accepted, in bytes. May be raised between frames, as when a handshake has been passed. */
  maxFrameBytes: number;

  /** After `advance()` has returned true: where the payload stands, `bytes[start]` to before `bytes[end]`. */
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;
  /** Whether `bytes` holds this payload and nothing else, so that a view on it may be kept at no cost to others. */
  owned = false;

  #chunk: Buffer = NOTHING;
  #at = 0;
  #waiting: Buffer[] = [];
  /** A length of which only the first bytes have arrived. */
  #header = 0;
  #headerBytes = 0;
  /** A payload of which only the first bytes have arrived. */
  #partial: Buffer | undefined;
  #filled = 0;

  constructor(options: FrameReaderOptions = {}) {
    this.maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
  }

  /** Take in what has arrived. Read all frames that are complete before the next chunk, or chunks pile up here. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#at < this.#chunk.length) this.#waiting.push(bytes);
    else this.#enter(bytes);
  }

  /** Bytes of a frame that has begun and is not complete; 0 between frames, which is where a stream may end. */
  get pendingBytes(): number {
    return this.#headerBytes + (this.#partial === undefined ? 0 : this.#filled) + (this.#chunk.length - this.#at);
  }

  /**
   * The next complete payload, or undefined until more has been pushed. It stays valid as long as someone holds it.
   *
   * @throws ProtocolError if a frame is empty or longer than `maxFrameBytes`; the stream cannot be read on after that
   */
  next(): Uint8Array | undefined {
    return this.advance() ? this.bytes.subarray(this.start, this.end) : undefined;
  }

  /**
   * `next` without an object per frame: true if `bytes`, `start`, `end` and `owned` now describe a payload.
   *
   * @throws ProtocolError as `next` does
   */
  advance(): boolean {
    for (;;) {
      const chunk = this.#chunk;
      const at = this.#at;
      if (this.#partial === undefined && this.#headerBytes === 0) {
        const body = at + FRAME_HEADER_BYTES;
        if (body <= chunk.length) {
          const length = readLength(chunk, at);
          this.#check(length);
          if (body + length <= chunk.length) {
            this.bytes = chunk;
            this.start = body;
            this.end = this.#at = body + length;
            this.owned = false;
            return true;
          }
          this.#begin(length);
          this.#at = body;
        }
      }
      if (this.#assemble()) return true;
      const following = this.#waiting.shift();
      if (following === undefined) return false;
      this.#enter(following);
    }
  }

  #enter(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  #check(length: number): void {
    if (length === 0) throw new ProtocolError("received an empty frame; every frame holds one message");
    if (length > this.maxFrameBytes) {
      throw new ProtocolError(`received a frame of ${length} bytes, more than maxFrameBytes (${this.maxFrameBytes})`);
    }
  }

  #begin(length: number): void {
    // Not filled with zeros: its pages are not touched, so not taken, before the bytes that were announced arrive.
    this.#partial = Buffer.allocUnsafeSlow(length);
    this.#filled = 0;
  }

  /** Move what is left of the chunk into the frame that it continues or begins; true if that completes it. */
  #assemble(): boolean {
    const chunk = this.#chunk;
    while (this.#partial === undefined) {
      if (this.#at === chunk.length) return false;
      this.#header += (chunk[this.#at++] ?? 0) * 2 ** (8 * this.#headerBytes++);
      if (this.#headerBytes < FRAME_HEADER_BYTES) continue;
      const length = this.#header;
      this.#header = this.#headerBytes = 0;
      this.#check(length);
      this.#begin(length);
    }
    const partial = this.#partial;
    const taken = chunk.copy(partial, this.#filled, this.#at);
    this.#at += taken;
    this.#filled += taken;
    if (this.#filled < partial.length) return false;
    this.bytes = partial;
    this.start = 0;
    this.end = partial.length;
    this.owned = true;
    this.#partial = undefined;
    return true;
  }
}

function readLength(bytes: Buffer, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
  return low + (bytes[at + 3] ?? 0) * 0x1000000;
}

/** Thrown inside the wire when a frame grows beyond its bound; `MessageCodec.append` turns it into a `MsgTypeError`. */
export class FrameTooLong extends RangeError {
  override readonly name = "FrameTooLong";
  constructor(maxFrameBytes: number) {
    super(`message is longer than maxFrameBytes (${maxFrameBytes}); send it in parts or raise the bound on both sides`);
  }
}

export interface FrameWriterOptions {
  /** Longest payload written, in bytes; `MAX_FRAME_BYTES` unless told. */
  maxFrameBytes?: number | undefined;
  /**
   * Byte arrays at least this long (in bytes) are handed on as they are instead of being copied. They must then not be
   * written to before the operating system has them. Never, unless told: what was sent does not change afterwards.
   */
  shareBytesFrom?: number | undefined;
}

/**
 * Collects the frames of one turn, one after the other, in one buffer. Encoders write straight into it: `beginFrame`,
 * then `reserve` and store at `bytes[at++]`, then `endFrame`, which patches the length in, or `dropFrame`, which leaves
 * everything as it was before the frame began.
 *
 * A buffer that has been taken is never written to again; the next frames follow behind it in the same memory.
 */
export class FrameWriter {
  /** Where the next byte goes: `bytes[at]`, after `reserve`. */
  bytes: Buffer = NOTHING;
  at = 0;

  readonly maxFrameBytes: number;
  readonly #shareBytesFrom: number;
  /** Parts that are complete: filled buffers, and byte arrays handed on as they are. */
  #done: Uint8Array[] = [];
  #doneBytes = 0;
  /** Start of the part that is being written, which is `bytes[#start]` to before `bytes[at]`. */
  #start = 0;
  /** Added to an index in `bytes` it gives a position that stays the same when `bytes` moves. */
  #origin = 0;
  #frame: OpenFrame | undefined;
  /** The frame that was ended last, for `cutLastFrame`. */
  #last: OpenFrame | undefined;
  /** Completes a frame that was left open for more of its kind. */
  #finish: (() => void) | undefined;
  /** No byte array may be handed on as it is while the length of something around it is still to be patched in. */
  #lengthsOpen = 0;

  constructor(options: FrameWriterOptions = {}) {
    this.maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
    this.#shareBytesFrom = options.shareBytesFrom ?? Number.POSITIVE_INFINITY;
  }

  /** Bytes that have been written and not been taken. */
  get byteLength(): number {
    return this.#doneBytes + this.at - this.#start;
  }

  /** Bytes of the frame that is being written, its length included; 0 if there is none. */
  get frameBytes(): number {
    return this.#frame === undefined ? 0 : this.#frameBytes(this.#frame);
  }

  /** What is to be written, in order, all frames in full; usually one buffer. Empty if there is nothing. */
  take(): Uint8Array[] {
    this.#finish?.();
    this.#last = undefined;
    const parts = this.#done;
    if (this.at > this.#start) parts.push(this.bytes.subarray(this.#start, this.at));
    this.#done = [];
    this.#doneBytes = 0;
    this.#start = this.at;
    if (this.bytes.length > MAX_KEPT_BUFFER_BYTES) {
      this.bytes = NOTHING;
      this.#start = this.at = 0;
    }
    return parts;
  }

  /**
   * Add one frame that is already encoded.
   *
   * @throws RangeError if `payload` is empty or longer than `maxFrameBytes`
   */
  append(payload: Uint8Array): void {
    if (payload.length === 0) throw new RangeError("a frame holds at least one byte, got an empty payload");
    if (payload.length > this.maxFrameBytes) throw new FrameTooLong(this.maxFrameBytes);
    this.beginFrame();
    this.writeBytes(payload);
    this.endFrame();
  }

  beginFrame(): void {
    this.#finish?.();
    this.#last = undefined;
    this.reserve(FRAME_HEADER_BYTES);
    this.#frame = {
      bytes: this.bytes,
      headerAt: this.at,
      partsBefore: this.#done.length,
      doneBefore: this.#doneBytes,
      start: this.#start,
    };
    this.#lengthsOpen = 0;
    this.at += FRAME_HEADER_BYTES;
  }

  /**
   * Patch the frame's length in.
   *
   * @returns bytes of its payload
   * @throws FrameTooLong if it has more than `maxFrameBytes`; drop the frame then
   */
  endFrame(): number {
    const frame = this.#frame;
    if (frame === undefined) throw new Error("endFrame was called without beginFrame");
    const length = this.#frameBytes(frame) - FRAME_HEADER_BYTES;
    if (length > this.maxFrameBytes) throw new FrameTooLong(this.maxFrameBytes);
    frame.bytes.writeUInt32LE(length, frame.headerAt);
    this.#frame = undefined;
    this.#last = frame;
    return length;
  }

  /**
   * Leave the frame as it is, for more to be written to it. `finish`, which ends it, is called before the next frame
   * begins and before anything is taken.
   */
  leaveOpen(finish: () => void): void {
    this.#finish = () => {
      this.#finish = undefined;
      finish();
    };
  }

  /**
   * Take the last frame out again: its payload, which is never written to again. The frames before it stay.
   *
   * @throws Error if there is none, or bytes of it were handed on as they are
   */
  cutLastFrame(): Uint8Array {
    this.#finish?.();
    const frame = this.#last;
    this.#last = undefined;
    if (frame === undefined || frame.partsBefore !== this.#done.length) throw new Error("no frame in one piece to cut");
    const payload = this.bytes.subarray(frame.headerAt + FRAME_HEADER_BYTES, this.at);
    this.#closePart(frame.headerAt);
    this.#start = this.at;
    return payload;
  }

  /** Forget the frame that was begun; frames before it are untouched. */
  dropFrame(): void {
    const frame = this.#frame;
    this.#finish = undefined;
    if (frame === undefined) return;
    this.#frame = undefined;
    this.#done.length = frame.partsBefore;
    this.#doneBytes = frame.doneBefore;
    this.bytes = frame.bytes;
    this.#start = frame.start;
    this.at = frame.headerAt;
  }

  /**
   * Make room for `size` more bytes, which may move `bytes` and `at`.
   *
   * @throws FrameTooLong if the frame would outgrow `maxFrameBytes` by that
   */
  reserve(size: number): void {
    if (this.at + size > this.bytes.length) this.#grow(size);
  }

  /** Write bytes as they stand; long ones are handed on without a copy if the writer was made so. */
  writeBytes(source: Uint8Array): void {
    if (source.length >= this.#shareBytesFrom && this.#lengthsOpen === 0 && this.#frame !== undefined) {
      if (this.#frameBytes(this.#frame) + source.length > this.maxFrameBytes + FRAME_HEADER_BYTES) {
        throw new FrameTooLong(this.maxFrameBytes);
      }
      this.#closePart(this.at);
      this.#done.push(source);
      this.#doneBytes += source.length;
      return;
    }
    this.reserve(source.length);
    this.bytes.set(source, this.at);
    this.at += source.length;
  }

  /** Leave `size` bytes for a length that is not known yet; hand the result to `closeLength`. */
  openLength(size: number): number {
    this.reserve(size);
    this.#lengthsOpen++;
    const mark = this.at + this.#origin;
    this.at += size;
    return mark;
  }

  /** Where in `bytes` the length opened as `mark` stands now. */
  closeLength(mark: number): number {
    this.#lengthsOpen--;
    return mark - this.#origin;
  }

  /** A place to `rewind` to, within a length that is open; it may move meanwhile. */
  mark(): number {
    return this.at + this.#origin;
  }

  /** Forget what was written since `mark`, while no length but the one around it was open. */
  rewind(mark: number): void {
    this.at = mark - this.#origin;
    this.#lengthsOpen = 1;
  }

  #frameBytes(frame: OpenFrame): number {
    return this.byteLength - frame.doneBefore - (frame.headerAt - frame.start);
  }

  /** What is written up to `bytes[end]` is a part of its own. */
  #closePart(end: number): void {
    if (end === this.#start) return;
    this.#done.push(this.bytes.subarray(this.#start, end));
    this.#doneBytes += end - this.#start;
    this.#start = end;
  }

  #grow(size: number): void {
    const frame = this.#frame;
    // Callers may reserve somewhat more than they use; `endFrame` is exact.
    const most = this.maxFrameBytes + FRAME_HEADER_BYTES + RESERVED_TOO_MUCH_BYTES;
    if (frame !== undefined && this.#frameBytes(frame) + size > most) throw new FrameTooLong(this.maxFrameBytes);
    // Complete frames stay where they are; only what has been written of the open one moves. If a byte array within it
    // was handed on as it is, only what follows that moves: the length is then patched in where it stands.
    const { bytes, at } = this;
    const whole = frame !== undefined && this.#done.length === frame.partsBefore;
    if (frame === undefined) this.#closePart(at);
    else if (whole) this.#closePart(frame.headerAt);
    const from = this.#start;
    const kept = at - from;
    this.bytes = Buffer.allocUnsafeSlow(Math.max(OUTGOING_BUFFER_BYTES, 2 * kept + size));
    bytes.copy(this.bytes, 0, from, at);
    this.#start = 0;
    this.at = kept;
    this.#origin += from;
    if (whole) {
      this.#frame = {
        bytes: this.bytes,
        headerAt: 0,
        start: 0,
        partsBefore: this.#done.length,
        doneBefore: this.#doneBytes,
      };
    }
  }
}

/** What `endFrame` patches and `dropFrame` restores. */
interface OpenFrame {
  readonly bytes: Buffer;
  readonly headerAt: number;
  readonly partsBefore: number;
  readonly doneBefore: number;
  readonly start: number;
}
