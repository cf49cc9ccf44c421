/** Having an actor listen that nobody has asked for before: the request goes down the tree, from parent to child. */
import type { Operation } from "effection";
import type { Actor } from "./actor.ts";
import { AskedDirectory } from "./asked-directory.ts";

/**
 * Have the actor listen that is found by way of `path`, uuids from a child of this one down to itself; this one for none.
 *
 * @returns where it listens, as multiaddrs; none if it is not there any more
 * @throws ListenError if it cannot
 */
export function* listenAt(actor: Actor, path: readonly string[]): Operation<readonly string[]> {
  const [next, ...rest] = path;
  if (next === undefined) return yield* actor.household.listen();
  const child = actor.children.get(next);
  if (child === undefined) return [];
  const addresses = yield* new AskedDirectory(child.channel).listen(rest);
  if (rest.length === 0) child.madeListen(addresses);
  return addresses;
}
