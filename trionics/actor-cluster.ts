/** A flat fleet of actors, after tractor's `open_actor_cluster`: started at once, torn down together. */
import { availableParallelism } from "node:os";
import type { Operation } from "effection";
import {
  type ActorNurseryOptions,
  type ActorOptions,
  all,
  type ModuleList,
  openActorNursery,
  type Portal,
} from "../core/mod.ts";
import { MAX_CLUSTER_SIZE } from "./limits.ts";

/** What can be said of each actor, but for what must be its own, and of their nursery. */
export interface ClusterOptions
  extends Omit<ActorOptions, "enableModules" | "bindAddrs">,
    Pick<ActorNurseryOptions, "teardown" | "onTeardown"> {
  /** Modules whose exports may be called in every actor. */
  readonly modules?: ModuleList;
  /** How many, 1 to `MAX_CLUSTER_SIZE`; as many as there are cores (`os.availableParallelism()`) unless told. */
  readonly count?: number;
  /** Their names, which are then as many as there are actors; `worker 0`, `worker 1`, … unless told. */
  readonly names?: readonly string[];
}

/**
 * Run `body` with a fleet of actors that are up: portals by name, in the order of the names. Leaving the body ends them.
 *
 * ```ts
 * yield* openActorCluster({ modules: [import.meta.url] }, function* (workers) { … });
 * ```
 *
 * @returns what `body` returned
 * @throws ExceptionGroup with every error of the body and of the actors; one that does not start ends the others
 * @throws RangeError, TypeError for an option that is not what it should be, before anything is started
 */
export function* openActorCluster<T>(
  options: ClusterOptions,
  body: (workers: ReadonlyMap<string, Portal>) => Operation<T>,
): Operation<T> {
  const { modules, count, names, teardown, onTeardown, ...each } = options;
  if (typeof body !== "function") {
    throw new TypeError(`openActorCluster(options, body) takes its block as a generator function, got ${typeof body}`);
  }
  const fleet = namesOf(count, names);
  return yield* openActorNursery(
    function* (an) {
      const portals = yield* all(
        fleet.map((name) => an.startActor(name, { ...each, ...(modules && { enableModules: modules }) })),
      );
      const value = yield* body(new Map(portals.map((portal, i) => [fleet[i] as string, portal])));
      an.cancelScope.cancel("the block of the cluster was left");
      return value;
    },
    { ...(teardown && { teardown }), ...(onTeardown && { onTeardown }) },
  );
}

function namesOf(count: number | undefined, names: readonly string[] | undefined): readonly string[] {
  if (names !== undefined && count !== undefined && names.length !== count) {
    throw new RangeError(`openActorCluster: count is ${count}, but there are ${names.length} names; give one of them`);
  }
  const size = names?.length ?? count ?? availableParallelism();
  if (!Number.isSafeInteger(size) || size < 1 || size > MAX_CLUSTER_SIZE) {
    const what = names === undefined ? "count" : "the number of names";
    throw new RangeError(`openActorCluster: ${what} must be a whole number from 1 to ${MAX_CLUSTER_SIZE}, got ${size}`);
  }
  if (names === undefined) return Array.from({ length: size }, (_, i) => `worker ${i}`);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new TypeError(`openActorCluster: two actors are named ${JSON.stringify(twice)}`);
  return names;
}
