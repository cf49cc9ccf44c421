/** What an actor does with requests: runs what its exposed modules offer, each in a task of its own. */
import { type ActorId, formatActorId } from "../actor-id.ts";
import { BusyResourceError, FunctionNotFound, ModuleNotExposed, ProtocolError } from "../errors/mod.ts";
import { journal } from "../log/mod.ts";
import { Event } from "../sc/event.ts";
import type { Nursery } from "../sc/nursery.ts";
import { type Cid, fromUid, type Start, type WireAddress } from "../wire/mod.ts";
import { CANCEL_ACTOR, CANCEL_TASK, READY, SELF_NAMESPACE } from "./cancel-request.ts";
import type { Channel } from "./channel.ts";
import type { Exposed, ExposedModules } from "./exposed-modules.ts";
import { MAX_DIALOGS } from "./limits.ts";
import { type Canceller, Served } from "./served.ts";
import { VITALS, vitalsNow } from "./vitals.ts";

/** What the runtime itself can be asked for in its namespace, beside what every service answers. */
export interface RuntimeFunctions {
  /** What `func` is for who asks over `channel`; undefined if it is not offered there. It is run as any other function. */
  find(func: string, channel: Channel): Exposed | undefined;
  /** Take what a peer only has to say: at once, and so in order. False if `func` is no such thing. @throws what it is told then */
  tell(func: string, kwargs: Start["kwargs"], channel: Channel): boolean;
}

export class Service {
  /** Called when `isBusy` may have ended. */
  idled: (() => void) | undefined;
  /** Where the actor listens, for whoever asks whether it is ready. */
  addresses: readonly WireAddress[] = [];
  readonly #nursery: Nursery;
  readonly #modules: ExposedModules | undefined;
  readonly #runtime: RuntimeFunctions | undefined;
  readonly #self: ActorId;
  /** What is being served. */
  readonly #open = new Set<Served>();
  #canceller: Canceller | undefined;
  #closing: Event | undefined;
  /** Whether its parent has asked if it is ready. */
  #wasAsked = false;

  /**
   * @param nursery - where the tasks run; cancelling the actor cancels it
   * @param modules - what others may call; undefined where they may ask the runtime alone, and not cancel the actor
   */
  constructor(
    self: ActorId,
    nursery: Nursery,
    modules: ExposedModules | undefined,
    runtime: RuntimeFunctions | undefined = undefined,
  ) {
    this.#self = self;
    this.#nursery = nursery;
    this.#modules = modules;
    this.#runtime = runtime;
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
      if (this.#modules === undefined) throw new ModuleNotExposed(start.ns, []);
      this.#run(start, channel, this.#modules.find(start.ns, start.func));
    } catch (error) {
      channel.sendError(start.cid, error);
    }
  };

  /** Whether anything is being served, or the parent has not heard yet that it is ready. */
  get isBusy(): boolean {
    return this.#open.size > 0 || !this.#wasAsked;
  }

  #run(start: Start, channel: Channel, what: Exposed): void {
    if (this.#nursery.closed || this.#canceller !== undefined) {
      throw new Error("the actor is ending, and takes no more requests");
    }
    if (channel.size >= MAX_DIALOGS) {
      throw new BusyResourceError(`${MAX_DIALOGS} dialogs are open on this connection; wait for some, or open another`);
    }
    const served = new Served(channel, start, what, () => this.canceller);
    this.#open.add(served);
    const task = this.#nursery.spawn(served.label, () => served.run());
    // What fails in Effection's tree below it comes out of the task, not out of `run`; it is the caller's to know.
    task.owner = {
      childDone: (done, outcome) => this.#ended(served, () => this.#nursery.childDone(done, served.ended(outcome))),
    };
  }

  readonly typesOfStart = (ns: string, func: string) => this.#modules?.typesOfStart(ns, func);

  /** Set when the actor is asked to end within a bound, and is not cancelled yet. Who looks, asks for that notice. */
  get closing(): Event {
    this.#closing ??= new Event();
    return this.#closing;
  }

  /**
   * Cancel the actor: every task that serves, then the actor itself.
   *
   * @param graceMs - time for what has asked for the notice; the others are cancelled at once
   */
  cancel(by: ActorId, reason: string, graceMs = 0): void {
    const isFirst = this.#canceller === undefined;
    this.#canceller ??= { by, reason };
    const scope = this.#nursery.cancelScope;
    if (graceMs > 0) {
      // Asked again: the time runs from the first request, and only one without grace cuts it short.
      if (!isFirst && this.#open.size > 0) return;
      for (const served of this.#open) {
        // Whoever waits for the actor's notice is some task that it serves, and which one cannot be told.
        if (this.#closing === undefined) served.cancel(by, reason, graceMs);
        else served.cancel(by, reason, graceMs, true);
      }
      this.#closing?.set();
      scope.relativeDeadline = graceMs;
      if (this.#open.size > 0) return;
    }
    scope.cancelWith("peer", reason, undefined, by.name);
  }

  #ended(served: Served, pass: () => void): void {
    this.#open.delete(served);
    pass();
    if (this.#open.size === 0) this.idled?.();
    const { cancelScope } = this.#nursery;
    // The last of those that had asked for time has used it.
    if (this.#canceller === undefined || this.#open.size > 0 || cancelScope.cancelCalled) return;
    cancelScope.cancelWith("peer", this.#canceller.reason, undefined, this.#canceller.by.name);
  }

  #serveSelf(start: Start, channel: Channel): void {
    const what = this.#runtime?.find(start.func, channel);
    if (what !== undefined) return this.#run(start, channel, what);
    const by = fromUid(start.uid);
    if (start.terse !== true) channel.send({ msg_type: "StartAck", cid: start.cid, functype: "asyncfunc" });
    const { reason: why, graceMs: grace } = start.kwargs;
    const reason = typeof why === "string" ? why : "cancelled by a peer";
    const graceMs = typeof grace === "number" && grace >= 0 ? grace : 0;
    switch (start.func) {
      case CANCEL_TASK: {
        const half = channel.get(start.kwargs.cid as Cid);
        if (journal.isEnabled("cancel")) logRequest(by, reason, half?.label);
        if (half instanceof Served) half.cancel(by, reason, graceMs);
        // Also where it has ended already: whoever asks wants it not to run, and it does not.
        return channel.send({ msg_type: "CancelAck", cid: start.cid, pld: true });
      }
      case READY:
        channel.send({ msg_type: "Return", cid: start.cid, pld: this.addresses });
        this.#wasAsked = true;
        return this.idled?.();
      case VITALS:
        return channel.send({ msg_type: "Return", cid: start.cid, pld: vitalsNow(this.#open.size) });
      case CANCEL_ACTOR:
        if (this.#modules === undefined)
          throw new FunctionNotFound(SELF_NAMESPACE, start.func, "is for its parent to ask");
        // Before the answer, so that it stands before what follows from that.
        if (journal.isEnabled("cancel")) logRequest(by, reason, undefined);
        channel.send({ msg_type: "CancelAck", cid: start.cid, pld: true });
        return this.cancel(by, reason, graceMs);
      default:
        if (this.#runtime?.tell(start.func, start.kwargs, channel) === true) {
          return channel.send({ msg_type: "Return", cid: start.cid, pld: null });
        }
        throw new FunctionNotFound(SELF_NAMESPACE, start.func, "is not offered by this runtime");
    }
  }
}

function logRequest(by: ActorId, reason: string, dialog: string | undefined): void {
  const canceller = formatActorId(by);
  const what = dialog === undefined ? "the actor" : dialog;
  const facts = { canceller, reason };
  journal.write("cancel", "cancel.received", `${canceller} asks for the end of ${what}: ${reason}`, facts, { dialog });
}
