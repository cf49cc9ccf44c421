/**
 * A registrar that speaks the plain protocol, such as a Python one: each request is a connection of its own, it knows
 * addresses by name, and no more. Only actors that listen by TCP are of use to it.
 */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { RegistrarUnavailable } from "../errors/mod.ts";
import { SELF_NAMESPACE } from "../rpc/cancel-request.ts";
import { remote } from "../rpc/function-name.ts";
import { Portal } from "../rpc/portal.ts";
import { sleep } from "../sc/sleep.ts";
import { parseAddress, toUid, toWireAddress, type Uid } from "../wire/mod.ts";
import type { Actor } from "./actor.ts";
import type { Asking } from "./directory.ts";
import { REGISTRAR_RETRY_MS } from "./limits.ts";
import { openPeerChannel } from "./peers.ts";
import { type RegisteredActor, readAddresses } from "./registered-actor.ts";

interface PlainFunctions {
  find_actor(args: { name: string }): Operation<unknown>;
  wait_for_actor(args: { name: string }): Operation<unknown>;
  register_actor(args: { uid: Uid; addr: unknown }): Operation<unknown>;
  unregister_actor(args: { uid: Uid }): Operation<unknown>;
}

const self = remote<PlainFunctions>(SELF_NAMESPACE);

export class PlainRegistrar implements Asking {
  readonly #actor: Actor;
  readonly #address: string;

  constructor(actor: Actor, address: string) {
    this.#actor = actor;
    this.#address = address;
  }

  *register({ actor, addresses }: RegisteredActor): Operation<void> {
    for (const address of addresses.map(parseAddress)) {
      if (address.transport !== "tcp") continue;
      const addr = toWireAddress(address);
      yield* this.#ask((portal) => portal.run(self.register_actor, { uid: toUid(actor), addr }));
    }
  }

  *unregister(actor: ActorId): Operation<void> {
    yield* this.#ask((portal) => portal.run(self.unregister_actor, { uid: toUid(actor) }));
  }

  *lookUp(name: string | undefined): Operation<readonly RegisteredActor[]> {
    if (name === undefined) throw this.#cannot("it speaks the plain protocol, and can be asked for one name at a time");
    const found = yield* this.#ask((portal) => portal.run(self.find_actor, { name }));
    return found === null || found === undefined ? [] : [nameless(name, found)];
  }

  /** It has said all it knows. */
  *locate(): Operation<readonly string[]> {
    return [];
  }

  *waitFor(name: string, except: readonly string[]): Operation<RegisteredActor> {
    // It would name again at once who could not be reached just now.
    if (except.length > 0) yield* sleep(REGISTRAR_RETRY_MS);
    return nameless(name, yield* this.#ask((portal) => portal.run(self.wait_for_actor, { name })));
  }

  /** It takes no such hint. */
  *evict(): Operation<void> {}

  *watch<T>(): Operation<T> {
    throw this.#cannot("it speaks the plain protocol, which tells of no changes");
  }

  *#ask<T>(ask: (portal: Portal) => Operation<T>): Operation<T> {
    const channel = yield* openPeerChannel(this.#actor, this.#address);
    try {
      return yield* ask(new Portal(channel.peer?.id ?? this.#actor.id, channel, {}));
    } finally {
      channel.destroy("it was asked");
    }
  }

  #cannot(why: string): RegistrarUnavailable {
    return new RegistrarUnavailable(this.#address, why);
  }
}

/** Who answers there says itself who it is. */
function nameless(name: string, found: unknown): RegisteredActor {
  return { actor: { name, uuid: "" }, pid: undefined, addresses: readAddresses(found), path: [], holdsName: false };
}
