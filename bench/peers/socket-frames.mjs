/** Frames on a bare socket, by hand: `[ length: uint32 BE ][ payload: length bytes ]`, batched by turns and by 64 KiB. */
import { Decoder, Encoder } from "@msgpack/msgpack";

/** @import { Socket } from "node:net" */

const HEADER = 4;
const BATCH_BYTES = 64 * 1_024;

/** Writes frames; those of one turn leave together. */
export class FrameSender {
  #socket;
  #encoder = new Encoder();
  #batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
  #used = 0;
  #scheduled = false;
  /** @type {(() => void) | undefined} */
  #drained;

  /** @param {Socket} socket */
  constructor(socket) {
    this.#socket = socket;
    socket.on("drain", () => this.#drained?.());
  }

  /** @param {unknown} value @returns {boolean} false if the socket is full: wait for `drain` then */
  send(value) {
    return this.#frame(this.#encoder.encodeSharedRef(value));
  }

  /** One frame of bytes as they are, not copied. @param {Uint8Array} bytes */
  sendBytes(bytes) {
    const header = Buffer.allocUnsafe(HEADER);
    header.writeUInt32BE(bytes.byteLength);
    this.#socket.cork();
    this.#socket.write(header);
    const room = this.#socket.write(bytes);
    this.#socket.uncork();
    return room;
  }

  /** @param {Uint8Array} payload */
  #frame(payload) {
    const size = HEADER + payload.byteLength;
    let room = true;
    if (this.#used + size > BATCH_BYTES) room = this.flush();
    if (size > BATCH_BYTES) return this.sendBytes(payload.slice());
    this.#batch.writeUInt32BE(payload.byteLength, this.#used);
    this.#batch.set(payload, this.#used + HEADER);
    this.#used += size;
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
    return room;
  }

  flush() {
    if (this.#used === 0) return true;
    const full = this.#batch.subarray(0, this.#used);
    // The socket keeps what is written until it has gone: a large batch is given away, a small one copied.
    const isLarge = this.#used > BATCH_BYTES / 2;
    const room = this.#socket.write(isLarge ? full : Buffer.from(full));
    if (isLarge) this.#batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
    this.#used = 0;
    return room;
  }

  drain() {
    return new Promise((resolve) => {
      this.#drained = () => resolve(undefined);
    });
  }
}

/** Reads frames, each decoded, or as bytes of its own while `raw` is set. */
export class FrameReceiver {
  raw = false;
  #hear;
  #decoder = new Decoder();
  /** @type {Buffer} */
  #rest = Buffer.alloc(0);
  /** @type {Buffer | undefined} */
  #large;
  #filled = 0;

  /** @param {Socket} socket @param {(value: any) => void} hear */
  constructor(socket, hear) {
    this.#hear = hear;
    socket.on("data", (chunk) => this.#push(chunk));
  }

  /** @param {Buffer} chunk */
  #push(chunk) {
    let bytes = chunk;
    if (this.#large !== undefined) {
      const taken = this.#fill(this.#large, bytes);
      if (taken === undefined) return;
      bytes = bytes.subarray(taken);
    } else if (this.#rest.byteLength > 0) {
      bytes = Buffer.concat([this.#rest, bytes]);
    }
    let at = 0;
    while (bytes.byteLength - at >= HEADER) {
      const length = bytes.readUInt32BE(at);
      const end = at + HEADER + length;
      if (end > bytes.byteLength) {
        if (length < BATCH_BYTES / 2) break;
        this.#large = Buffer.allocUnsafeSlow(length);
        this.#filled = 0;
        this.#fill(this.#large, bytes.subarray(at + HEADER));
        at = bytes.byteLength;
        break;
      }
      this.#give(bytes.subarray(at + HEADER, end));
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }

  /** @param {Buffer} large @param {Buffer} bytes @returns {number | undefined} bytes taken, once it is full */
  #fill(large, bytes) {
    const taken = bytes.copy(large, this.#filled);
    this.#filled += taken;
    if (this.#filled < large.byteLength) return undefined;
    this.#large = undefined;
    this.#give(large);
    return taken;
  }

  /** @param {Buffer} payload */
  #give(payload) {
    this.#hear(this.raw ? payload : this.#decoder.decode(payload));
  }
}
