/** The process of a child actor, from its first message to its exit status. */
import type { Duplex } from "node:stream";
import type { ActorId } from "../actor-id.ts";
import { isCancelled } from "../errors/mod.ts";
import type { Channel } from "../rpc/channel.ts";
import { realClock } from "../sc/clock.ts";
import { run } from "../sc/run.ts";
import { ChildLife, type ChildOptions, ORPHAN_STATUS } from "./child-life.ts";
import { FLUSH_TIMEOUT_MS } from "./limits.ts";

/** Run the actor `id` on its link. Resolves with the exit status when everything has ended. */
export async function childMain(id: ActorId, link: Duplex, options: ChildOptions): Promise<number> {
  const life = new ChildLife(id, link, options);
  const running = run(() => life.run(), { name: id.name });
  process.on("SIGTERM", () => life.terminate());
  let status = 0;
  try {
    await running;
  } catch (error) {
    if (!isCancelled(error)) {
      life.channel.sendError(null, error);
      status = 1;
    }
  }
  await flushed(life.channel, link);
  return life.isOrphan ? ORPHAN_STATUS : status || Number(process.exitCode ?? 0);
}

/** Wait until the last messages have left. */
function flushed(channel: Channel, link: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (link.destroyed) return resolve();
    link.once("finish", resolve).once("close", resolve);
    realClock.at(realClock.now() + FLUSH_TIMEOUT_MS, resolve);
    channel.end();
    // The kernel has all of it, and keeps it for the parent.
    if (link.writableLength === 0) resolve();
  });
}
