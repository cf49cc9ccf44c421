/** One dialog: naming a function across processes, portal, context, message stream, serving. */
export { type CancelOptions, Context, type ContextState, PeerContext } from "./context.ts";
export { currentContext } from "./current-context.ts";
export {
  type ArgsOf,
  type Callable,
  type ContextEndpoint,
  context,
  type Dialog,
  type PromiseIo,
  type ResultOf,
  type Settings,
  type Slot,
} from "./endpoint.ts";
export { type EnabledModules, type RemoteModule, remote } from "./function-name.ts";
export type { ConsumeOptions } from "./linked.ts";
export { MessageStream } from "./message-stream.ts";
export { registerCodec, registerError } from "./own-types.ts";
export { type CancelActorOptions, Portal } from "./portal.ts";
export {
  type ArgsOfSource,
  type DeclaredArgs,
  type DeclaredItem,
  type DeclaredProducer,
  type ItemOf,
  type ProducerEndpoint,
  type ProducerOptions,
  producer,
  type Source,
} from "./producer.ts";
export type { Schema, Specs } from "./schema.ts";
export type { ReceiveStream, SendStream } from "./stream-ends.ts";
export type { Overflow, StreamOptions, StreamStatistics } from "./stream-options.ts";
export type { Vitals } from "./vitals.ts";
