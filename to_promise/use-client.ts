/** A client of a library as a resource: what connects by a promise is closed by the scope that asked for it. */
import { ensure, type Operation, spawn, withResolvers } from "effection";
import { checkpointIfCancelled, moveOnAfter } from "../core/mod.ts";
import type { LinkedTaskOptions } from "../core/promise/mod.ts";
import { ClientNotClosed } from "./errors.ts";
import { checkCall, type PromiseTools, runTask } from "./run-task.ts";

/** Milliseconds for a client to close: as long as an actor has to unwind. */
export const DEFAULT_CLOSE_TIMEOUT_MS = 5_000;

export interface ClientOptions<C>
  extends Pick<LinkedTaskOptions, "graceMs" | "onIgnoredAbort" | "isAbort" | "log" | "name"> {
  /** Milliseconds that `close` has before its signal is aborted; default `DEFAULT_CLOSE_TIMEOUT_MS`. */
  readonly closeTimeoutMs?: number | undefined;
  /**
   * Called once it is connected, to listen for its loss: call `lost` with an error, and the scope that uses the client
   * fails with that. Without it a lost connection is the library's affair, which may connect anew.
   */
  readonly watch?: ((client: C, lost: (error: unknown) => void) => void) | undefined;
}

/**
 * Connect a client, and close it when the caller's Effection scope ends, however it ends. Cancelled while it connects,
 * the signal of `connect` is aborted; a client that comes all the same is closed.
 *
 * ```ts
 * const redis = yield* useClient(
 *   async () => { const redis = new Redis({ lazyConnect: true }); await redis.connect(); return redis; },
 *   (redis) => redis.quit(),
 * );
 * ```
 *
 * @param connect - gives the client once it can be used
 * @param close - settles once nothing of it is left; its signal is aborted after `closeTimeoutMs`
 * @throws what `connect` throws, and when the scope ends what `close` throws, or what `lost` was called with
 * @throws ClientNotClosed when the scope ends, if `close` took longer than `closeTimeoutMs`
 * @throws PromiseAborted, PromiseIgnoredAbort as `runTask`
 * @throws TypeError, RangeError for options that are not what they should be
 */
export function useClient<C>(
  connect: (tools: PromiseTools) => PromiseLike<C> | C,
  close: (client: C, tools: PromiseTools) => PromiseLike<unknown> | unknown,
  options: ClientOptions<C> = {},
): Operation<C> {
  const { closeTimeoutMs = DEFAULT_CLOSE_TIMEOUT_MS, watch, ...linked } = options;
  const name = options.name ?? (connect.name || "client");
  checkCall("useClient", connect, linked);
  checkCall("useClient", close, linked);
  if (!(closeTimeoutMs >= 0)) throw new RangeError(`useClient: closeTimeoutMs must be >= 0, got ${closeTimeoutMs}`);
  return { [Symbol.iterator]: () => open()[Symbol.iterator]() };

  function* open(): Operation<C> {
    let connected: { readonly client: C } | undefined;
    // Before it connects: cancelled meanwhile, a client that comes all the same is closed too.
    yield* ensure(function* () {
      if (connected === undefined) return;
      const { client } = connected;
      const closing = { ...linked, name: `close ${name}` };
      const closed = yield* moveOnAfter(closeTimeoutMs, function* () {
        yield* runTask((_args, tools) => close(client, tools), {}, closing);
        return true;
      });
      if (closed === undefined) throw new ClientNotClosed(name, closeTimeoutMs);
    });
    // In the caller's own task: a bound around this one is a bound for the connection.
    const client = yield* runTask((_args, tools) => connect(tools), {}, { ...linked, name: `connect ${name}` });
    connected = { client };
    yield* checkpointIfCancelled(); // one that came too late is closed, and not used
    if (watch !== undefined) {
      const lost = withResolvers<never>(`loss of ${name}`);
      // It fails the scope that uses the client, and ends with it.
      yield* spawn(() => lost.operation);
      watch(client, lost.reject as (error: unknown) => void);
    }
    return client;
  }
}
