/** What an actor does with requests: runs what its exposed modules offer, each in a task of its own. */
import type { ActorId } from "../actor-id.ts";
import { FunctionNotFound, ProtocolError } from "../errors.ts";
import type { Nursery } from "../sc/nursery.ts";
import { type Cid, fromUid, type Start } from "../wire/mod.ts";
import { CANCEL_ACTOR, CANCEL_TASK, READY, SELF_NAMESPACE } from "./cancel-request.ts";
import type { Channel } from "./channel.ts";
import type { ExposedModules } from "./exposed-modules.ts";
import { type Canceller, Served } from "./served.ts";

export class Service {
  readonly #nursery: Nursery;
  readonly #modules: ExposedModules;
  readonly #self: ActorId;
  #canceller: Canceller | undefined;

  /** @param nursery - where the tasks run; cancelling the actor cancels it */
  constructor(self: ActorId, nursery: Nursery, modules: ExposedModules) {
    this.#self = self;
    this.#nursery = nursery;
    this.#modules = modules;
  }

  /** Who has cancelled this actor and why, as far as anybody has said; undefined if it is not cancelled. */
  get canceller(): Canceller | undefined {
    const { cancelCalled, cancelCause } = this.#nursery.cancelScope;
    if (this.#canceller !== undefined || !cancelCalled) return this.#canceller;
    return { by: this.#self, reason: cancelCause?.reason ?? "the actor is ending" };
  }

  /** Serve one request: start its task, or refuse it. Nothing that a peer asks for can fail here. */
  readonly serve = (start: Start, channel: Channel): void => {
    try {
      if (channel.get(start.cid) !== undefined) {
        throw new ProtocolError(`the peer began dialog ${start.cid}, which is open already`);
      }
      if (start.ns === SELF_NAMESPACE) return this.#serveSelf(start, channel);
      const what = this.#modules.find(start.ns, start.func);
      if (this.#nursery.closed) throw new Error("the actor is ending, and takes no more requests");
      const served = new Served(channel, start, what, () => this.canceller);
      const task = this.#nursery.spawn(served.label, () => served.run());
      // What fails in Effection's tree below it comes out of the task, not out of `run`; it is the caller's to know.
      task.owner = { childDone: (done, outcome) => this.#nursery.childDone(done, served.ended(outcome)) };
    } catch (error) {
      channel.sendError(start.cid, error);
    }
  };

  readonly typesOfStart = (ns: string, func: string) => this.#modules.typesOfStart(ns, func);

  /** Cancel the actor: every task that serves, then the actor itself. */
  cancel(by: ActorId, reason: string): void {
    this.#canceller ??= { by, reason };
    this.#nursery.cancelScope.cancelWith("peer", reason, undefined, by.name);
  }

  #serveSelf(start: Start, channel: Channel): void {
    const by = fromUid(start.uid);
    channel.send({ msg_type: "StartAck", cid: start.cid, functype: "asyncfunc" });
    const reason = typeof start.kwargs.reason === "string" ? start.kwargs.reason : "cancelled by a peer";
    switch (start.func) {
      case CANCEL_TASK: {
        const half = channel.get(start.kwargs.cid as Cid);
        if (half instanceof Served) half.cancel(by, reason);
        // Also where it has ended already: whoever asks wants it not to run, and it does not.
        return channel.send({ msg_type: "CancelAck", cid: start.cid, pld: true });
      }
      case READY:
        return channel.send({ msg_type: "Return", cid: start.cid, pld: null });
      case CANCEL_ACTOR:
        channel.send({ msg_type: "CancelAck", cid: start.cid, pld: true });
        return this.cancel(by, reason);
      default:
        throw new FunctionNotFound(SELF_NAMESPACE, start.func, "is not offered by this runtime");
    }
  }
}
