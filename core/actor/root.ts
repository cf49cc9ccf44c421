/** The first actor of a tree. */
import { randomUUID } from "node:crypto";
import type { Operation } from "effection";
import { Actor, asActor } from "./actor.ts";
import { enabledModules, type ModuleList } from "./enabled-modules.ts";

export interface RootOptions {
  /** For people; `root` unless told. */
  readonly name?: string;
  /** Modules whose exports may be called in it, as through `openSelfPortal`. */
  readonly enableModules?: ModuleList;
}

/**
 * Run `body` as the root actor of a new tree. Nurseries opened without one boot it by themselves.
 *
 * @throws Error if this process is an actor already; TypeError if an enabled module is no URL
 */
export function* openRootActor<T>(body: (actor: Actor) => Operation<T>, options: RootOptions = {}): Operation<T> {
  const id = { name: options.name ?? "root", uuid: randomUUID() };
  const actor = new Actor(id, undefined, enabledModules(options.enableModules));
  return yield* asActor(actor, () => body(actor));
}
