/** What actors say to each other, as bytes: addresses, frames, values, messages, and errors as data. */
export {
  type Address,
  formatAddress,
  fromWireAddress,
  isWireAddress,
  MAX_UNIX_PATH_BYTES,
  parseAddress,
  sameAddress,
  toWireAddress,
} from "./address.ts";
export { type BoxOptions, boxError, boxValue, type ErrorFields } from "./box-error.ts";
export { isUid } from "./boxed-shape.ts";
export { ValueCodec, type ValueCodecOptions } from "./codec.ts";
export { type ErrorOrigin, originOf } from "./error-origin.ts";
export { type ErrorClass, type ErrorClassOptions, ErrorRegistry, type ReviveError } from "./error-registry.ts";
export { ExtensionSet, type ExtensionType } from "./extension.ts";
export { FrameReader, type FrameReaderOptions, FrameTooLong, FrameWriter, type FrameWriterOptions } from "./frame.ts";
export * from "./limits.ts";
export {
  type Aid,
  type BoxedError,
  type CancelAck,
  type Cid,
  type Credit,
  type ErrorMsg,
  FEATURES,
  type Feature,
  type FuncType,
  fromUid,
  type LogMsg,
  type Message,
  type MsgType,
  negotiate,
  type Part,
  type Return,
  type SpawnSpec,
  type Start,
  type StartAck,
  type Started,
  type Stop,
  toUid,
  type Uid,
  type WireAddress,
  type Yield,
} from "./message.ts";
export { MessageCodec, type MessageCodecOptions } from "./message-codec.ts";
export { reviveValue, unboxError } from "./unbox-error.ts";
export { UndecodablePayload } from "./undecodable-payload.ts";
