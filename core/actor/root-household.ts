/** A root's household: it serves peers only where it is told to listen, or once somebody has looked for it. */
import type { Operation, Result } from "effection";
import { ExposedModules } from "../rpc/exposed-modules.ts";
import type { Service } from "../rpc/service.ts";
import { CancelScope } from "../sc/cancel-scope.ts";
import { openNursery } from "../sc/nursery.ts";
import { type Address, formatAddress } from "../wire/mod.ts";
import type { Actor } from "./actor.ts";
import { directoryFunctions } from "./directory-functions.ts";
import { Household } from "./household.ts";
import { listenForPeers } from "./peers.ts";
import { Registrar } from "./registrar.ts";
import { startService } from "./serving.ts";

/**
 * Run `body` in the root `actor`, which listens on `addresses`. A peer that cancels the actor cancels `body`, which then
 * gives undefined.
 *
 * @throws ListenError; what an enabled module throws while it is imported, where it listens
 */
export function* keepingHouse<T>(actor: Actor, addresses: readonly Address[], body: () => Operation<T>): Operation<T> {
  let outcome: Result<T | undefined> | undefined;
  yield* openNursery(
    function* (nursery) {
      const scope = new CancelScope();
      const registrar = new Registrar(actor);
      let started: Service | undefined;
      const household = new Household(actor, nursery, function* () {
        started ??= yield* startService(nursery, actor, yield* ExposedModules.load(actor.enabled), {
          runtime: directoryFunctions(actor, registrar),
          ended: (service) => scope.cancelWith("peer", service.canceller?.reason ?? "the actor was cancelled"),
        });
        return started;
      });
      actor.settle(household, registrar);
      actor.registrar = registrar;
      try {
        const value = yield* scope.run(() => listening(actor, household, addresses, body));
        outcome = { ok: true, value };
      } catch (error) {
        // As it is, and not as an error of this nursery too.
        outcome = { ok: false, error: error as Error };
      }
      household.peers.close();
      started?.cancel(actor.id, "the body of the actor has ended");
      nursery.cancelScope.cancel("the actor has ended");
    },
    { name: `household of ${actor.name}` },
  );
  if (outcome?.ok === false) throw outcome.error;
  return outcome?.value as T;
}

function* listening<T>(
  actor: Actor,
  household: Household,
  addresses: readonly Address[],
  body: () => Operation<T>,
): Operation<T> {
  if (addresses.length === 0) return yield* body();
  const service = yield* household.service();
  return yield* listenForPeers(actor, service, addresses, (bound) => {
    actor.service = service;
    actor.addresses = bound.map(formatAddress);
    return body();
  });
}
