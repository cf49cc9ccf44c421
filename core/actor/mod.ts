/** One process among others: identity, spawning, supervision, the child's own life. */

export type { CredentialOptions, TlsOptions } from "../ipc/credentials.ts";
export { type Actor, type CleanUp, currentActor, isRootProcess, type Lifetime } from "./actor.ts";
export type { ActorEvents } from "./actor-events.ts";
export {
  type ActorNursery,
  type ActorNurseryOptions,
  type ActorOptions,
  type OneShot,
  openActorNursery,
} from "./actor-nursery.ts";
export type { ChildOutput } from "./child-process-options.ts";
export type { WatchBody } from "./directory.ts";
export {
  type FindOptions,
  findActor,
  findActors,
  type LookUpOptions,
  maybeFindActor,
  queryActor,
  waitForActor,
  watchActors,
} from "./discovery.ts";
export type { ModuleList } from "./enabled-modules.ts";
export type { HostTools } from "./host.ts";
export { STDERR_TAIL_BYTES } from "./limits.ts";
export { openPortalTo, type PeerOptions } from "./peers.ts";
export { ProcessGroup } from "./process-group.ts";
export type { RegisteredActor } from "./registered-actor.ts";
export type { ActorEvent } from "./registry.ts";
export { openRootActor, type RootOptions, runDaemon } from "./root.ts";
export { openSelfPortal } from "./self-portal.ts";
export type { ExitStatus } from "./spawn-backend.ts";
export { Tail } from "./tail.ts";
export type { TeardownBounds, TeardownEvent, TeardownStep } from "./teardown.ts";
export { useLog } from "./use-log.ts";
