/** The first actor of a tree. */
import { randomUUID } from "node:crypto";
import type { Operation } from "effection";
import { Actor, asActor } from "./actor.ts";

export interface RootOptions {
  /** For people; `root` unless told. */
  readonly name?: string;
}

/**
 * Run `body` as the root actor of a new tree. Nurseries opened without one boot it by themselves.
 *
 * @throws Error if this process is an actor already
 */
export function* openRootActor<T>(body: (actor: Actor) => Operation<T>, options: RootOptions = {}): Operation<T> {
  const actor = new Actor({ name: options.name ?? "root", uuid: randomUUID() }, undefined);
  return yield* asActor(actor, () => body(actor));
}
