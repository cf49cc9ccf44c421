/**
 * A Redis client, `ioredis`, in an actor of its own: a class that connects, emits events, connects anew by itself, and
 * knows nothing of abort signals. Its connection is a context; while that is open the other functions use it.
 */
import { type Context, context, sleepForever } from "espalier";
import { useClient } from "espalier/to_promise";
import { Redis } from "ioredis";

let current: Redis | undefined;

interface Connection {
  started: string;
}

/** Stay connected until the block of this context is left. */
export const connection = context(function* (ctx: Context<Connection>, { path }: { path: string }) {
  // Commands fail at once while there is no connection, instead of waiting in a queue.
  const options = { lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 2_000 };
  const redis = yield* useClient(
    async () => {
      const client = new Redis(path, { ...options, retryStrategy: (times) => Math.min(times * 20, 200) });
      // It connects anew by itself; without a listener it prints every try.
      client.on("error", () => {});
      await client.connect();
      return client;
    },
    // `quit` would wait for a connection that may be gone.
    (client) => client.disconnect(),
    { name: "redis" },
  );
  current = redis;
  try {
    yield* ctx.started(redis.status);
    yield* sleepForever();
  } finally {
    current = undefined;
  }
});

export async function set({ key, value }: { key: string; value: string }): Promise<void> {
  await connected().set(key, value);
}

export async function get({ key }: { key: string }): Promise<string | null> {
  return await connected().get(key);
}

/** Wait until it is connected, again if need be. */
export async function whenReady(_args: object, { signal }: { signal: AbortSignal }): Promise<void> {
  const redis = connected();
  if (redis.status === "ready") return;
  await new Promise<void>((resolve, reject) => {
    redis.once("ready", resolve);
    signal.addEventListener("abort", () => {
      redis.off("ready", resolve);
      reject(signal.reason);
    });
  });
}

function connected(): Redis {
  if (current === undefined) throw new Error("no connection is open: open the context `connection` first");
  return current;
}
