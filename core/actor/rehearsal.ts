/**
 * What a blank does while it waits: it lives the life of an actor, in itself and with itself as the parent. Code that V8
 * has run once is compiled, so that who takes the blank waits a quarter less.
 */
import type { Operation } from "effection";
import type { ActorId } from "../actor-id.ts";
import { loopback } from "../ipc/loopback.ts";
import { DEFAULT_LOG_LEVEL } from "../log/mod.ts";
import { ownFile } from "../own-files.ts";
import { Call } from "../rpc/call.ts";
import { CancelRequest, READY, SELF_NAMESPACE } from "../rpc/cancel-request.ts";
import { Channel } from "../rpc/channel.ts";
import { functionName } from "../rpc/function-name.ts";
import { run } from "../sc/run.ts";
import { ChildLife } from "./child-life.ts";
import { writeRuntimeVars } from "./runtime-vars.ts";

const REASON = "the rehearsal is over";

/** Start, serve and end the actor `id` once, with nobody else knowing. */
export async function rehearse(id: ActorId): Promise<void> {
  const [near, far] = loopback();
  const life = new ChildLife(id, far, { unguarded: false, prepare: async () => {}, keepAlive: () => {} });
  const parent = new Channel(near, {
    self: { ...id, pid: process.pid, is_registrar: null, is_probe: false },
    initiator: true,
    serve: () => {},
  });
  try {
    await Promise.all([run(() => life.run()), run(() => playParent(parent, id))]);
  } finally {
    parent.destroy(REASON);
    life.channel.destroy(REASON);
  }
}

function* playParent(channel: Channel, id: ActorId): Operation<void> {
  yield* channel.greeted.wait();
  const runtime = {
    name: id.name,
    parent: id,
    logLevel: DEFAULT_LOG_LEVEL,
    ownLogLevel: undefined,
    credentials: undefined,
    host: undefined,
    promises: {},
  };
  channel.send({
    msg_type: "SpawnSpec",
    _parent_main_data: {},
    _runtime_vars: writeRuntimeVars(runtime),
    enable_modules: { espalier: ownFile("mod").href },
    reg_addrs: [],
    bind_addrs: null,
  });
  const ready = yield* Call.begin(channel, functionName(SELF_NAMESPACE, READY), {});
  yield* ready.result();
  const called = yield* Call.begin(channel, functionName("espalier", "checkpoint"), {});
  yield* called.result();
  const cancelled = yield* Call.begin(channel, functionName("espalier", "sleepForever"), {});
  yield* cancelled.endByCancel(REASON);
  yield* CancelRequest.ofActor(channel, { reason: REASON }).wait();
}
