/** An actor's portal to itself: the same dialogs, checks and copies as with any other actor, without a process between. */
import type { Operation } from "effection";
import { NoRuntime } from "../errors/mod.ts";
import { loopback } from "../ipc/loopback.ts";
import { Channel, type ChannelOptions } from "../rpc/channel.ts";
import { Portal } from "../rpc/portal.ts";
import type { Service } from "../rpc/service.ts";
import { type Actor, actorHere } from "./actor.ts";
import { servingWhile } from "./serving.ts";

/**
 * Run `body` with a portal to the actor it runs in. What is called through it is a task of this process.
 *
 * @returns what `body` returned
 * @throws NoRuntime outside an actor
 * @throws what an enabled module throws while it is imported
 */
export function* openSelfPortal<T>(body: (portal: Portal) => Operation<T>): Operation<T> {
  const actor = yield* actorHere();
  if (actor === undefined) throw new NoRuntime("openSelfPortal()");
  if (actor.service !== undefined) return yield* talkTo(actor, actor.service, body);
  // A root serves nobody but itself; cancelled through its portal, it ends these tasks and no more.
  return yield* servingWhile(actor, (service) => talkTo(actor, service, body));
}

function* talkTo<T>(actor: Actor, service: Service, body: (portal: Portal) => Operation<T>): Operation<T> {
  const [near, far] = loopback();
  const self = { ...actor.id, pid: process.pid, is_registrar: null, is_probe: false };
  const { serve, typesOfStart } = service;
  const options = { self, serve, typesOfStart } satisfies Partial<ChannelOptions>;
  const asking = new Channel(near, { ...options, initiator: true });
  const serving = new Channel(far, { ...options, initiator: false });
  try {
    yield* asking.greeted.wait();
    return yield* body(new Portal(actor.id, asking, actor.enabled));
  } finally {
    asking.destroy("the portal to oneself is closed");
    serving.destroy("the portal to oneself is closed");
  }
}
