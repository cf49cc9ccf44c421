/**
 * The challenge: two peers show each other that they know the same secret, and neither says it. Bytes in, bytes out;
 * it does no I/O, and holds no more than what the peer has to send. After ISO 9798-4, with the channel bound as by
 * RFC 9266.
 *
 *     both, at once   [ "espalier-auth/1\n" ][ nonce: 32 bytes ]
 *     the initiator   [ 1 ][ HMAC-SHA256(key, "initiator" | its greeting | the other's greeting | binding) ]
 *     the other       [ 1 ][ HMAC-SHA256(key, "responder" | the same) ], or [ 0 ][ reason: 1 byte ] and the end
 *
 * The nonces make a recording of no use, the role a reflection, and the binding, which names the encrypted channel, a
 * relay: who sits between two channels has two of them. The initiator shows first what it knows, for anybody can connect.
 */
import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { ProtocolError } from "../errors/mod.ts";

export const NONCE_BYTES = 32;

const VERSION = "1";
const PREFIX = Buffer.from("espalier-auth/");
const MAGIC = Buffer.concat([PREFIX, Buffer.from(`${VERSION}\n`)]);
const GREETING_BYTES = MAGIC.length + NONCE_BYTES;
const MAC_BYTES = 32;

const REFUSED = 0;
const PROOF = 1;

/** Why a side is refused; the place in the list is what stands on the wire. */
export const REFUSALS = ["protocol", "version", "secret"] as const;
export type Refusal = (typeof REFUSALS)[number];

const EXPLAINED: Readonly<Record<Refusal, string>> = {
  protocol: "what it says is no answer to a challenge; it is no actor, or one of another make",
  version: "it speaks another version of the challenge; run the same version of espalier on both sides",
  secret: "the secrets differ; give both sides the same one, by the option secret or by ESPALIER_SECRET",
};

export type Role = "initiator" | "responder";

/** What came of some bytes. */
export type Step =
  | { readonly state: "waiting"; readonly send?: Buffer }
  /** The peer knows the secret. `rest` is what it has sent after that. */
  | { readonly state: "passed"; readonly send?: Buffer; readonly rest: Buffer }
  | { readonly state: "refused"; readonly send?: Buffer; readonly refusal: Refusal; readonly why: string };

export interface ChallengeOptions {
  readonly role: Role;
  readonly key: KeyObject;
  /** Random, and never used again. */
  readonly nonce: Uint8Array;
  /** What names the channel, the same at both ends of it; asked for once, when the peer's greeting is there. */
  readonly binding: () => Uint8Array;
}

export class Challenge {
  /** What this side says first. */
  readonly greeting: Buffer;
  readonly #options: ChallengeOptions;
  /** What has arrived of the message that is awaited. */
  #heard = Buffer.alloc(0);
  /** What both proofs are about: both greetings, the initiator's first, and the binding. Not there before it can be. */
  #transcript: readonly Uint8Array[] | undefined;
  #isOver = false;

  constructor(options: ChallengeOptions) {
    this.#options = options;
    this.greeting = Buffer.concat([MAGIC, options.nonce]);
  }

  /**
   * Take in what has arrived, cut anywhere.
   *
   * @throws ProtocolError after the end
   */
  push(chunk: Uint8Array): Step {
    if (this.#isOver) throw new ProtocolError("the challenge is over");
    let rest = chunk;
    let send: Buffer | undefined;
    const { role, binding } = this.#options;
    if (this.#transcript === undefined) {
      rest = this.#collect(rest, GREETING_BYTES);
      const refusal = refusalOf(this.#heard);
      if (refusal !== undefined) return this.#refuse(refusal);
      if (this.#heard.length < GREETING_BYTES) return { state: "waiting" };
      const [first, second] = role === "initiator" ? [this.greeting, this.#take()] : [this.#take(), this.greeting];
      this.#transcript = [first, second, binding()];
      if (role === "initiator") send = this.#proofOf("initiator");
    }
    rest = this.#collect(rest, 1 + MAC_BYTES);
    return this.#judge(rest, send);
  }

  #judge(rest: Uint8Array, send: Buffer | undefined): Step {
    const { role } = this.#options;
    const [kind, reason = 0] = this.#heard;
    if (kind === undefined) return waiting(send);
    if (kind === REFUSED && role === "initiator") {
      if (this.#heard.length < 2) return waiting(send);
      const refusal = REFUSALS[reason] ?? "protocol";
      this.#isOver = true;
      return { state: "refused", refusal, why: EXPLAINED[refusal] };
    }
    if (kind !== PROOF) return this.#refuse("protocol");
    if (this.#heard.length < 1 + MAC_BYTES) return waiting(send);
    const expected = this.#proofOf(role === "initiator" ? "responder" : "initiator");
    if (!timingSafeEqual(this.#take(), expected)) return this.#refuse("secret");
    this.#isOver = true;
    const passed = { state: "passed", rest: Buffer.from(rest) } as const;
    return role === "responder" ? { ...passed, send: this.#proofOf("responder") } : passed;
  }

  #refuse(refusal: Refusal): Step {
    this.#isOver = true;
    const why = EXPLAINED[refusal];
    // Who has not greeted as we do would not understand; an initiator has nobody to tell.
    const understands = this.#options.role === "responder" && refusal !== "protocol";
    if (!understands) return { state: "refused", refusal, why };
    return { state: "refused", refusal, why, send: Buffer.from([REFUSED, REFUSALS.indexOf(refusal)]) };
  }

  #proofOf(role: Role): Buffer {
    const mac = createHmac("sha256", this.#options.key).update(role);
    for (const part of this.#transcript ?? []) mac.update(part);
    return Buffer.concat([Buffer.from([PROOF]), mac.digest()]);
  }

  /** Keep of `chunk` what is missing of a message of `length` bytes; the rest is returned. */
  #collect(chunk: Uint8Array, length: number): Uint8Array {
    const missing = Math.max(length - this.#heard.length, 0);
    this.#heard = Buffer.concat([this.#heard, chunk.subarray(0, missing)]);
    return chunk.subarray(missing);
  }

  #take(): Buffer {
    const message = this.#heard;
    this.#heard = Buffer.alloc(0);
    return message;
  }
}

function waiting(send: Buffer | undefined): Step {
  return send === undefined ? { state: "waiting" } : { state: "waiting", send };
}

/** What is wrong with a greeting of which this is the beginning. */
function refusalOf(heard: Buffer): Refusal | undefined {
  const magic = heard.subarray(0, MAGIC.length);
  if (magic.equals(MAGIC.subarray(0, magic.length))) return undefined;
  const prefix = magic.subarray(0, PREFIX.length);
  return prefix.equals(PREFIX.subarray(0, prefix.length)) ? "version" : "protocol";
}
