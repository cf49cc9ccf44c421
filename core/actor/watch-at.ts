/** A watch at a registrar of another program: its errors name that registrar, and those of the watching block are its own. */
import type { Operation } from "effection";
import { ActorEvents } from "./actor-events.ts";
import type { WatchBody } from "./directory.ts";
import { reachableFrom, unavailable } from "./registered-actor.ts";

/** Run `body` by `watch`, which may say of any error of a block that the registrar at `address` is to blame for it. */
export function* watchAt<T>(
  address: string,
  body: WatchBody<T>,
  watch: (body: WatchBody<T>) => Operation<T>,
): Operation<T> {
  let own: { readonly error: unknown } | undefined;
  try {
    return yield* watch(function* (events, present) {
      const next = function* () {
        try {
          const { type, actor } = yield* events.receive();
          return { type, actor: { ...actor, addresses: reachableFrom(address, actor.addresses) } };
        } catch (error) {
          throw error instanceof Error ? unavailable(address, error) : error;
        }
      };
      const here = present.map((actor) => ({ ...actor, addresses: reachableFrom(address, actor.addresses) }));
      try {
        return yield* body(new ActorEvents(next), here);
      } catch (error) {
        own = { error };
        throw error;
      }
    });
  } catch (error) {
    throw own === undefined ? error : own.error;
  }
}
