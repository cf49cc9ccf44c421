/** Higher helpers that need only the core. */
export {
  type Broadcast,
  type BroadcastOptions,
  type BroadcastSource,
  type BroadcastStatistics,
  broadcast,
  type SubscribeOptions,
  type Subscriber,
} from "../core/mod.ts";
export { type ClusterOptions, openActorCluster } from "./actor-cluster.ts";
export { type ActorMapOptions, actorMap, type Mapped } from "./actor-map.ts";
export type { Command } from "./command.ts";
export type { CommandInput } from "./command-input.ts";
export type { CommandOptions, CommandOutput } from "./command-options.ts";
export { ActorMapError, CommandFailed, CommandLeftBehind, CommandStartError, SharedResourceEnded } from "./errors.ts";
export { gatherContexts, type Opener } from "./gather-contexts.ts";
export type { Items } from "./item-reader.ts";
export type { LineStatistics, LineStream } from "./line-stream.ts";
export { maybeOpenContext } from "./maybe-open-context.ts";
export type { SharedKey } from "./shared-key.ts";
export { superviseProcess } from "./supervise-process.ts";
export { withCleanUp } from "./with-clean-up.ts";
