/** One value to bytes and back. Messages are encoded by `MessageCodec`, with the same writer and reader. */
import { type MsgIssue, MsgTypeError, ProtocolError } from "../errors/mod.ts";
import { findIssues } from "./encodable.ts";
import type { ErrorRegistry } from "./error-registry.ts";
import { ExtensionSet, type ExtensionType } from "./extension.ts";
import { FrameTooLong, FrameWriter } from "./frame.ts";
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES } from "./limits.ts";
import { NotEncodable } from "./not-encodable.ts";
import { ValueReader } from "./value-reader.ts";
import { ValueWriter } from "./value-writer.ts";

export interface ValueCodecOptions {
  extensions?: readonly ExtensionType[] | undefined;
  /** The classes that errors within values come back as. */
  errors?: ErrorRegistry | undefined;
  /** Use msgpack's own types only. */
  plain?: boolean | undefined;
  /** Longest encoding, in bytes; `MAX_FRAME_BYTES` unless told. */
  maxBytes?: number | undefined;
}

export class ValueCodec {
  readonly #extensions: ExtensionSet;
  readonly #plain: boolean;
  readonly #writer: ValueWriter;
  readonly #reader: ValueReader;
  readonly #maxBytes: number;

  constructor(options: ValueCodecOptions = {}) {
    this.#extensions = new ExtensionSet(options.extensions);
    this.#plain = options.plain ?? false;
    this.#writer = new ValueWriter({ extensions: this.#extensions, plain: this.#plain });
    this.#reader = new ValueReader({ extensions: this.#extensions, errors: options.errors });
    this.#maxBytes = options.maxBytes ?? MAX_FRAME_BYTES;
  }

  /**
   * @param slot - what the value is for, as `MsgTypeError` names it
   * @throws MsgTypeError if the value cannot be encoded or takes more than `maxBytes`
   */
  encode(value: unknown, slot = "value"): Uint8Array {
    const out = new FrameWriter({ maxFrameBytes: this.#maxBytes });
    out.beginFrame();
    try {
      this.#writer.write(out, value);
      out.endFrame();
    } catch (error) {
      throw refusal(error, value, slot, undefined, { extensions: this.#extensions, plain: this.#plain });
    }
    return Uint8Array.from(Buffer.concat(out.take()).subarray(FRAME_HEADER_BYTES));
  }

  /** @throws ProtocolError if `bytes` are not one whole value that this codec knows */
  decode(bytes: Uint8Array): unknown {
    this.#reader.open(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength, false);
    const value = this.#reader.value();
    this.#reader.close();
    const [issue] = this.#reader.issues;
    if (issue !== undefined) throw new ProtocolError(`received ${issue}`);
    return value;
  }
}

/** The error to raise for one that encoding `value` threw: it names the fields that are to blame. */
export function refusal(
  error: unknown,
  value: unknown,
  slot: string,
  dialog: string | undefined,
  options: { readonly extensions: ExtensionSet; readonly plain: boolean },
): MsgTypeError {
  const issues: MsgIssue[] = error instanceof FrameTooLong ? [] : findIssues(value, options);
  if (issues.length === 0) {
    const message = error instanceof NotEncodable ? "cannot be encoded" : error instanceof Error ? error.message : "";
    issues.push({ path: [], message });
  }
  const refused = new MsgTypeError(slot, issues, dialog);
  if (!(error instanceof NotEncodable)) refused.cause = error;
  return refused;
}
