/** What the two sides of the zeromq peer say: MessagePack in the first frame of a message, and bytes in a second one. */
import { Decoder, Encoder } from "@msgpack/msgpack";

const encoder = new Encoder();
const decoder = new Decoder();

export const CALL = 0;
export const ECHO = 1;
export const OPEN = 2;
export const STREAM = 3;

/**
 * @param {unknown} head
 * @param {Uint8Array} [bytes]
 */
export function pack(head, bytes) {
  return bytes === undefined ? [encoder.encode(head)] : [encoder.encode(head), bytes];
}

/** @param {readonly Uint8Array[]} frames @returns {[head: any, bytes: Uint8Array | undefined]} */
export function unpack([head, bytes]) {
  return [decoder.decode(/** @type {Uint8Array} */ (head)), bytes];
}
