/** A root that serves: what a child does all its life, beside a body of the root's own. */
import type { Operation } from "effection";
import { ExposedModules } from "../rpc/exposed-modules.ts";
import { Service } from "../rpc/service.ts";
import { CancelScope } from "../sc/cancel-scope.ts";
import { named, openNursery, type TaskStatus } from "../sc/nursery.ts";
import { sleepForever } from "../sc/sleep.ts";
import type { Actor } from "./actor.ts";

/**
 * Run `body` while the actor's exposed modules can be called through a service, whose tasks have ended when this returns.
 *
 * @param endsBody - whether a peer that cancels the actor cancels `body`, which then gives undefined; else only what
 *   was called ends
 * @throws what an enabled module throws while it is imported
 */
export function* servingWhile<T>(
  actor: Actor,
  body: (service: Service) => Operation<T>,
  endsBody: boolean,
): Operation<T> {
  const modules = yield* ExposedModules.load(actor.enabled);
  return yield* openNursery(function* (nursery) {
    const scope = new CancelScope();
    const service = yield* nursery.start(named(`${actor.name} serving`, serve), actor, modules, () => {
      if (endsBody) scope.cancelWith("peer", service.canceller?.reason ?? "the actor was cancelled");
    });
    const value = yield* scope.run(() => body(service));
    service.cancel(actor.id, "the body of the actor has ended");
    return value as T;
  });
}

function* serve(
  status: TaskStatus<Service>,
  actor: Actor,
  modules: ExposedModules,
  ended: () => void,
): Operation<void> {
  yield* openNursery(function* (nursery) {
    status.started(new Service(actor.id, nursery, modules));
    yield* sleepForever();
  });
  ended();
}
