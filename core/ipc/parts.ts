/**
 * Messages too long to be sent in one go: cut where they leave, put together where they arrive. The parts of several
 * dialogs take turns, so that none waits for another longer than its own length; within a dialog the order stays.
 */
import { ProtocolError } from "../errors/mod.ts";
import { type Cid, MAX_FRAME_BYTES, MAX_MESSAGES_IN_PARTS, MAX_PART_BYTES, type Part } from "../wire/mod.ts";

/** One message on its way out. */
interface Outgoing {
  readonly payload: Uint8Array;
  sent: number;
}

export class OutgoingParts {
  /** What waits, by dialog. */
  readonly #queues = new Map<Cid, Outgoing[]>();
  /** Dialogs of which a message is under way, the next to have a turn first; and those that wait for that. */
  readonly #turns: Cid[] = [];
  readonly #waiting: Cid[] = [];
  #bytes = 0;

  /** Bytes that have not been taken. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** Whether something of this dialog waits: what follows it has to wait too. */
  holds(cid: Cid): boolean {
    return this.#bytes > 0 && this.#queues.has(cid);
  }

  /** @param payload - one encoded message, which is not written to any more */
  add(cid: Cid, payload: Uint8Array): void {
    this.#bytes += payload.length;
    const queue = this.#queues.get(cid);
    if (queue !== undefined) {
      queue.push({ payload, sent: 0 });
      return;
    }
    this.#queues.set(cid, [{ payload, sent: 0 }]);
    this.#waiting.push(cid);
  }

  /** The next part to be sent; undefined if there is none. Its bytes are a view on the message. */
  next(): Part | undefined {
    while (this.#turns.length < MAX_MESSAGES_IN_PARTS) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) break;
      this.#turns.push(waiting);
    }
    const cid = this.#turns.shift();
    const queue = cid === undefined ? undefined : this.#queues.get(cid);
    const message = queue?.[0];
    if (cid === undefined || queue === undefined || message === undefined) return undefined;
    const { payload, sent } = message;
    const bytes = payload.subarray(sent, sent + MAX_PART_BYTES);
    message.sent += bytes.length;
    this.#bytes -= bytes.length;
    if (message.sent < payload.length) this.#turns.push(cid);
    else {
      queue.shift();
      if (queue.length > 0) this.#waiting.push(cid);
      else this.#queues.delete(cid);
    }
    return { msg_type: "Part", cid, size: payload.length, bytes };
  }

  clear(): void {
    this.#queues.clear();
    this.#turns.length = this.#waiting.length = this.#bytes = 0;
  }
}

export class IncomingParts {
  readonly #messages = new Map<Cid, { readonly payload: Buffer; filled: number }>();

  /**
   * Take in one part.
   *
   * @returns the whole message, once this was the last part of it; its memory is its own
   * @throws ProtocolError if the parts do not fit together, or exceed what a peer may have under way
   */
  add({ cid, size, bytes }: Part): Buffer | undefined {
    const message = this.#messages.get(cid) ?? this.#begin(cid, size);
    const { payload, filled } = message;
    if (size !== payload.length || bytes.length === 0 || filled + bytes.length > size) {
      const at = `${filled} of ${payload.length}`;
      throw new ProtocolError(
        `received a part of ${bytes.length} bytes, size ${size}, for dialog ${cid} at ${at} bytes`,
      );
    }
    payload.set(bytes, filled);
    message.filled += bytes.length;
    if (message.filled < size) return undefined;
    this.#messages.delete(cid);
    return payload;
  }

  #begin(cid: Cid, size: number): { readonly payload: Buffer; filled: number } {
    if (size > MAX_FRAME_BYTES) {
      throw new ProtocolError(
        `received a message of ${size} bytes in parts, more than maxFrameBytes (${MAX_FRAME_BYTES})`,
      );
    }
    if (this.#messages.size >= MAX_MESSAGES_IN_PARTS) {
      throw new ProtocolError(`received parts of more than ${MAX_MESSAGES_IN_PARTS} messages at once`);
    }
    // Not filled with zeros: its pages are not taken before the bytes that were announced arrive.
    const message = { payload: Buffer.allocUnsafeSlow(size), filled: 0 };
    this.#messages.set(cid, message);
    return message;
  }
}
