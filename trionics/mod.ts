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
export { SharedResourceEnded } from "./errors.ts";
export { gatherContexts, type Opener } from "./gather-contexts.ts";
export { maybeOpenContext } from "./maybe-open-context.ts";
export type { SharedKey } from "./shared-key.ts";
