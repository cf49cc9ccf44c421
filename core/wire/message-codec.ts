/**
 * Messages to frames and back. Outgoing ones are encoded straight into the buffer that is written; incoming ones are
 * narrowed here, once: every field is checked, and what comes out is a `Message`.
 */
import { inspect } from "node:util";
import { ProtocolError } from "../errors/mod.ts";
import { isWireAddress } from "./address.ts";
import { isUid, isUidList, narrowBoxed } from "./boxed-shape.ts";
import { refusal } from "./codec.ts";
import type { ErrorRegistry } from "./error-registry.ts";
import { type ExtensionSet, NO_EXTENSIONS } from "./extension.ts";
import { type FrameReader, FrameTooLong, type FrameWriter } from "./frame.ts";
import { FRAME_HEADER_BYTES, MAX_BATCH_BYTES, MAX_BATCH_ITEMS, MAX_FRAME_BYTES } from "./limits.ts";
import type { Cid, Feature, Message } from "./message.ts";
import {
  writeArrayHeader,
  writeBoolean,
  writeMapHeader,
  writeNil,
  writeNumber,
  writeString,
} from "./primitive-writer.ts";
import { isRecord } from "./record.ts";
import { type Field, type FieldType, SPELLINGS, type Spelling, spellingOf } from "./spelling.ts";
import { UndecodablePayload } from "./undecodable-payload.ts";
import { ValueReader } from "./value-reader.ts";
import { ValueWriter } from "./value-writer.ts";

export interface MessageCodecOptions {
  /** `named` before the features are negotiated and with plain peers. */
  spelling: "named" | "compact";
  /** What both sides understand, from `negotiate`. */
  features: ReadonlySet<Feature>;
  /** Longest message, in bytes; `MAX_FRAME_BYTES` unless told. */
  maxFrameBytes?: number | undefined;
  /** Custom types, which the peer must know too. */
  extensions?: ExtensionSet | undefined;
  /** Custom types of the dialog that a `Start` of this function begins, in the compact spelling; see `useTypes`. */
  typesOfStart?: ((ns: string, func: string) => ExtensionSet | undefined) | undefined;
  /** The classes that errors within values come back as. */
  errors?: ErrorRegistry | undefined;
  /**
   * Whether values may use the extension types; unless told, where the peer understands any feature, so is one of us.
   */
  extensionTypes?: boolean | undefined;
}

/** Both directions of one connection, from the moment its features are known. */
export class MessageCodec {
  readonly spelling: "named" | "compact";
  readonly features: ReadonlySet<Feature>;
  readonly #maxFrameBytes: number;
  readonly #extensions: ExtensionSet;
  /** Types that are known in one dialog. */
  readonly #dialogs = new Map<Cid, ExtensionSet>();
  readonly #typesOfStart: MessageCodecOptions["typesOfStart"];
  readonly #plain: boolean;
  readonly #values: ValueWriter;
  readonly #reader: ValueReader;
  /** The stream whose batch is open at the end of a writer. */
  #batch: OpenBatch | undefined;

  constructor(options: MessageCodecOptions) {
    this.spelling = options.spelling;
    this.features = options.features;
    this.#maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
    this.#extensions = options.extensions ?? NO_EXTENSIONS;
    this.#typesOfStart = options.typesOfStart;
    this.#plain = !(options.extensionTypes ?? options.features.size > 0);
    this.#values = new ValueWriter({ extensions: this.#extensions, plain: this.#plain });
    this.#reader = new ValueReader({ extensions: this.#extensions, errors: options.errors });
  }

  /**
   * Use these types in dialog `cid`, both ways, until told otherwise. Only the compact spelling names the dialog before
   * its values, so only there they can be received.
   */
  useTypes(cid: Cid, types: ExtensionSet | undefined): void {
    if (types !== undefined) this.#dialogs.set(cid, types);
    else if (this.#dialogs.delete(cid)) this.#values.extensions = this.#reader.extensions = this.#extensions;
  }

  /**
   * Encode `message` as the next frame of `out`. If it throws, `out` is as it was before.
   *
   * @returns bytes of the frame's payload
   * @throws MsgTypeError if its payload cannot be encoded or is too long, with the path of the offending field
   * @throws ProtocolError if the peer does not understand such a message
   */
  append(message: Message, out: FrameWriter): number {
    const spelling = spellingOf(message.msg_type);
    if (spelling === undefined) throw new ProtocolError(`there is no message of type ${String(message.msg_type)}`);
    const lacking = message.msg_type === "Yield" && message.batch === true ? "batch" : spelling.needs;
    if (lacking !== undefined && !this.features.has(lacking)) {
      throw new ProtocolError(`the peer does not understand "${lacking}", which this ${message.msg_type} needs`);
    }
    if (this.#dialogs.size > 0) this.#values.extensions = this.#typesIn("cid" in message ? message.cid : null);
    out.beginFrame();
    try {
      if (this.spelling === "compact") this.#writeCompact(out, spelling, message);
      else this.#writeNamed(out, spelling, message);
      if (out.frameBytes > this.#maxFrameBytes + FRAME_HEADER_BYTES) throw new FrameTooLong(this.#maxFrameBytes);
      return out.endFrame();
    } catch (error) {
      out.dropFrame();
      // An error must reach the other side: without what cannot be encoded of it, if need be.
      if (message.msg_type === "Error" && message.boxed !== undefined) {
        return this.append({ ...message, boxed: undefined, _bad_msg: null, _bad_msg_as_dict: null }, out);
      }
      throw this.#refusal(error, spelling, message);
    }
  }

  /**
   * Encode one stream item. Where the peer understands batches, items of one stream that directly follow each other in
   * `out` share a frame; nothing waits for that.
   *
   * @returns bytes that this item takes, without what it shares with others
   * @throws MsgTypeError as `append` does, with the items before it intact
   */
  appendItem(cid: Cid, item: unknown, out: FrameWriter): number {
    const long = ArrayBuffer.isView(item) && item.byteLength >= MAX_BATCH_BYTES / 4;
    if (long || !this.features.has("batch")) return this.append({ msg_type: "Yield", cid, pld: item }, out);
    if (this.#dialogs.size > 0) this.#values.extensions = this.#typesIn(cid);
    const open = this.#batch;
    if (open !== undefined && open.cid === cid && open.out === out) {
      const added = open.hasRoom() ? this.#addItem(open, item) : undefined;
      if (added !== undefined) return added;
    }
    const begun = this.#beginBatch(cid, out);
    const added = this.#addItem(begun, item);
    if (added !== undefined) return added;
    this.#dropBatch(out);
    throw this.#refuseItem(new FrameTooLong(this.#maxFrameBytes), cid, item);
  }

  /**
   * The message in one payload.
   *
   * @param owned - whether `payload` is a buffer of its own that will never be written to again; long byte arrays are
   *   then views on it instead of copies
   * @throws ProtocolError if it is not a message, naming the message and the field
   * @throws UndecodablePayload (a ProtocolError) if it is one but its payload has a value that this side cannot revive
   */
  decode(payload: Uint8Array, owned = false): Message {
    const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    return this.#decode(bytes, 0, bytes.length, owned);
  }

  /**
   * The next message of a stream of frames; undefined until more has been pushed. Does what `reader.next()` and
   * `decode` do, without an object between them.
   *
   * @throws ProtocolError as `decode` and `FrameReader.next` do
   */
  read(reader: FrameReader): Message | undefined {
    return reader.advance() ? this.#decode(reader.bytes, reader.start, reader.end, reader.owned) : undefined;
  }

  #writeNamed(out: FrameWriter, spelling: Spelling, message: Message): void {
    const values = fieldsOf(message);
    const fields = spelling.fields.filter((field) => this.#isSent(field, values[field.name]));
    writeMapHeader(out, 1 + fields.length);
    writeString(out, "msg_type");
    writeString(out, spelling.msgType);
    for (const field of fields) {
      writeString(out, field.name);
      this.#values.write(out, values[field.name] ?? (field.type === "any" ? values[field.name] : null), 1);
    }
  }

  #writeCompact(out: FrameWriter, spelling: Spelling, message: Message): void {
    const values = fieldsOf(message);
    const { compact } = spelling;
    let count = compact.length;
    for (let i = count - 1; i >= 0; i--) {
      const field = compact[i];
      if (field === undefined || this.#isSent(field, values[field.name])) break;
      count = i;
    }
    writeArrayHeader(out, 1 + count);
    writeNumber(out, spelling.tag);
    for (let i = 0; i < count; i++) {
      const field = compact[i];
      if (field === undefined || !this.#isSent(field, values[field.name])) writeNil(out);
      else this.#values.write(out, values[field.name], 1);
    }
  }

  #isSent(field: Field, value: unknown): boolean {
    if (field.optional === undefined) return true;
    if (value === undefined) return false;
    if (field.optional === "always") return true;
    return field.optional === "ours" ? this.features.size > 0 : this.features.has(field.optional);
  }

  #refusal(error: unknown, spelling: Spelling, message: Message): Error {
    const value = spelling.payload === undefined ? message : fieldsOf(message)[spelling.payload];
    const dialog = "cid" in message && message.cid !== null ? String(message.cid) : undefined;
    return refusal(error, value, spelling.slot, dialog, { extensions: this.#values.extensions, plain: this.#plain });
  }

  #typesIn(cid: unknown): ExtensionSet {
    return this.#dialogs.get(cid as Cid) ?? this.#extensions;
  }

  #beginBatch(cid: Cid, out: FrameWriter): OpenBatch {
    out.beginFrame();
    if (this.spelling === "compact") {
      writeArrayHeader(out, 4);
      writeNumber(out, YIELD_TAG);
      this.#values.write(out, cid);
    } else {
      writeMapHeader(out, 4);
      writeString(out, "msg_type");
      writeString(out, "Yield");
      writeString(out, "cid");
      this.#values.write(out, cid);
      writeString(out, "pld");
    }
    const batch = new OpenBatch(cid, out);
    this.#batch = batch;
    out.leaveOpen(() => {
      this.#batch = undefined;
      batch.closeItems();
      if (this.spelling === "named") writeString(out, "batch");
      writeBoolean(out, true);
      out.endFrame();
    });
    return batch;
  }

  /** Bytes of the item; undefined if it makes the frame too long. */
  #addItem(batch: OpenBatch, item: unknown): number | undefined {
    const { out } = batch;
    const before = out.mark();
    try {
      this.#values.write(out, item, 2);
    } catch (error) {
      out.rewind(before);
      if (error instanceof FrameTooLong) return undefined;
      if (batch.isEmpty) this.#dropBatch(out);
      throw this.#refuseItem(error, batch.cid, item);
    }
    const most = Math.min(this.#maxFrameBytes, out.maxFrameBytes) + FRAME_HEADER_BYTES - BATCH_END_BYTES;
    if (out.frameBytes <= most) {
      batch.count++;
      return out.mark() - before;
    }
    out.rewind(before);
    return undefined;
  }

  #dropBatch(out: FrameWriter): void {
    this.#batch = undefined;
    out.dropFrame();
  }

  #refuseItem(error: unknown, cid: Cid, item: unknown): Error {
    return refusal(error, item, "send", String(cid), { extensions: this.#values.extensions, plain: this.#plain });
  }

  #decode(bytes: Buffer, start: number, end: number, owned: boolean): Message {
    const reader = this.#reader;
    reader.open(bytes, start, end, owned);
    const message = this.spelling === "compact" ? this.#readCompact() : this.#readNamed();
    reader.close();
    if (reader.issues.length > 0) {
      const cid = "cid" in message && message.cid !== null ? message.cid : undefined;
      throw new UndecodablePayload(message.msg_type, cid, spellingOf(message.msg_type)?.slot ?? "", reader.issues);
    }
    return message;
  }

  #readCompact(): Message {
    const reader = this.#reader;
    const length = reader.arrayLength();
    if (length === undefined || length === 0) throw new ProtocolError("received a message that is not an array");
    const tag = reader.value();
    const spelling = typeof tag === "number" ? SPELLINGS[tag] : undefined;
    if (spelling === undefined) throw new ProtocolError(`received a message with unknown tag ${show(tag)}`);
    const { compact } = spelling;
    const values: Record<string, unknown> = { msg_type: spelling.msgType };
    for (let i = 0; i < compact.length; i++) {
      const field = compact[i];
      if (field === undefined) break;
      if (field.name === spelling.payload) reader.extensions = this.#typesOf(values);
      if (i + 1 < length) narrowField(values, spelling, field, this.#readField(field));
      else narrowAbsent(values, spelling, field);
    }
    for (let i = compact.length + 1; i < length; i++) reader.value();
    return narrowMessage(values);
  }

  #readField(field: Field): unknown {
    if (field.isName) return this.#reader.nameOrNames();
    // What is put together by the reader is not copied before.
    return field.type === "bytes" ? (this.#reader.bytesView() ?? this.#reader.value()) : this.#reader.value();
  }

  /** The types that may stand in the payload of a message of which the fields before it have been read. */
  #typesOf({ msg_type, cid, ns, func }: Readonly<Record<string, unknown>>): ExtensionSet {
    if (msg_type === "Start") return this.#typesOfStart?.(String(ns), String(func)) ?? this.#extensions;
    return this.#dialogs.size === 0 ? this.#extensions : this.#typesIn(cid);
  }

  #readNamed(): Message {
    const map = this.#reader.value();
    if (!isRecord(map)) throw new ProtocolError("received a message that is not a map of named fields");
    const msgType = Object.hasOwn(map, "msg_type") ? map.msg_type : undefined;
    const spelling = spellingOf(msgType);
    if (spelling === undefined) throw new ProtocolError(`received a message of unknown msg_type ${show(msgType)}`);
    const values: Record<string, unknown> = { msg_type: spelling.msgType };
    for (const field of spelling.fields) {
      if (Object.hasOwn(map, field.name)) narrowField(values, spelling, field, map[field.name]);
      else narrowAbsent(values, spelling, field);
    }
    return narrowMessage(values);
  }
}

/** The batch at the end of a writer: [ 0xdc ][ count: uint16 BE ] and `count` items. */
class OpenBatch {
  readonly cid: Cid;
  readonly out: FrameWriter;
  count = 0;
  readonly #length: number;

  constructor(cid: Cid, out: FrameWriter) {
    this.cid = cid;
    this.out = out;
    out.reserve(1);
    out.bytes[out.at++] = 0xdc;
    this.#length = out.openLength(2);
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  hasRoom(): boolean {
    return this.count < MAX_BATCH_ITEMS && this.out.frameBytes < MAX_BATCH_BYTES;
  }

  closeItems(): void {
    this.out.bytes.writeUInt16BE(this.count, this.out.closeLength(this.#length));
  }
}

/** What follows the items of a batch: its flag, with its name in the named spelling. */
const BATCH_END_BYTES = 1 + "batch".length + 1;
const YIELD_TAG = spellingOf("Yield")?.tag ?? 0;

/** By name, as the table has them. Not a copy: that would be one for each message. */
function fieldsOf(message: Message): Readonly<Record<string, unknown>> {
  return message as unknown as Readonly<Record<string, unknown>>;
}

/** Check one field and put it in `values`, unless it is an optional one without a value. */
function narrowField(values: Record<string, unknown>, spelling: Spelling, field: Field, value: unknown): void {
  if (field.optional !== undefined && (value === null || value === undefined)) return;
  if (field.type === "boxed") values[field.name] = narrowBoxed(value, `${spelling.msgType}.${field.name}`);
  else if (CHECKS[field.type](value)) values[field.name] = value;
  else
    throw new ProtocolError(
      `received ${spelling.msgType} with ${field.name} = ${show(value)}, not ${EXPECTED[field.type]}`,
    );
}

function narrowAbsent(values: Record<string, unknown>, spelling: Spelling, field: Field): void {
  if (field.optional !== undefined) return;
  if (!field.type.endsWith("?")) throw new ProtocolError(`received ${spelling.msgType} without ${field.name}`);
  values[field.name] = null;
}

/** The one place where what came from outside becomes a `Message`: every field has been checked by the table. */
function narrowMessage(values: Record<string, unknown>): Message {
  const { batch, pld } = values;
  if (batch === true && !Array.isArray(pld)) {
    throw new ProtocolError("received Yield with batch, but pld is not an array of items");
  }
  return values as unknown as Message;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isCid: Check = (value) => typeof value === "string" || isCount(value);
const isAddressList: Check = (value) => Array.isArray(value) && value.every(isWireAddress);
const orNil =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

const CHECKS: Readonly<Record<FieldType, Check>> = {
  text: isText,
  "text?": orNil(isText),
  texts: (value) => Array.isArray(value) && value.every(isText),
  flag: isFlag,
  "flag?": orNil(isFlag),
  count: isCount,
  "count?": orNil(isCount),
  amount: (value) => typeof value === "number" && value >= 0,
  cid: isCid,
  "cid?": orNil(isCid),
  uid: isUid,
  "uid?": orNil(isUid),
  uids: isUidList,
  record: isRecord,
  names: (value) => isRecord(value) && Object.values(value).every(isText),
  addresses: isAddressList,
  "addresses?": orNil(isAddressList),
  functype: (value) => value === "asyncfunc" || value === "asyncgen" || value === "context",
  boxed: isRecord,
  bytes: (value) => value instanceof Uint8Array,
  any: () => true,
};

const EXPECTED: Readonly<Record<FieldType, string>> = {
  bytes: "bytes",
  text: "a string",
  "text?": "a string or nil",
  texts: "a list of strings",
  flag: "a boolean",
  "flag?": "a boolean or nil",
  count: "a whole number >= 0",
  "count?": "a whole number >= 0 or nil",
  amount: "a number >= 0",
  cid: "a string or a whole number >= 0",
  "cid?": "a string, a whole number >= 0 or nil",
  uid: "[name, uuid]",
  "uid?": "[name, uuid] or nil",
  uids: "a list of [name, uuid]",
  record: "a map",
  names: "a map of strings",
  addresses: "a list of addresses",
  "addresses?": "a list of addresses or nil",
  functype: '"asyncfunc", "asyncgen" or "context"',
  boxed: "a boxed error",
  any: "a value",
};

function show(value: unknown): string {
  return inspect(value, { depth: 0, maxStringLength: 64, breakLength: Number.POSITIVE_INFINITY });
}
