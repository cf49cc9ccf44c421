/** A root that serves: what a child does all its life, beside a body of the root's own. */
import type { Operation } from "effection";
import { ExposedModules } from "../rpc/exposed-modules.ts";
import { type RuntimeFunctions, Service } from "../rpc/service.ts";
import { type Nursery, named, openNursery, type TaskStatus } from "../sc/nursery.ts";
import { sleepForever } from "../sc/sleep.ts";
import type { Actor } from "./actor.ts";

/**
 * Run `body` while the actor's exposed modules can be called through a service, whose tasks have ended when this returns.
 * A peer that cancels the actor through it ends what was called, and no more.
 *
 * @throws what an enabled module throws while it is imported
 */
export function* servingWhile<T>(actor: Actor, body: (service: Service) => Operation<T>): Operation<T> {
  const modules = yield* ExposedModules.load(actor.enabled);
  return yield* openNursery(function* (nursery) {
    const service = yield* startService(nursery, actor, modules, {});
    const value = yield* body(service);
    service.cancel(actor.id, "the body of the actor has ended");
    return value;
  });
}

interface ServiceDetails {
  readonly runtime?: RuntimeFunctions;
  /** Called when a peer has cancelled the actor, and all that was served has ended. */
  readonly ended?: (service: Service) => void;
}

/** Start a service as a task of `nursery`; it ends when it is cancelled. */
export function* startService(
  nursery: Nursery,
  actor: Actor,
  modules: ExposedModules,
  details: ServiceDetails,
): Operation<Service> {
  return yield* nursery.start(named(`${actor.name} serving`, serve), actor, modules, details);
}

function* serve(
  status: TaskStatus<Service>,
  actor: Actor,
  modules: ExposedModules,
  { runtime, ended }: ServiceDetails,
): Operation<void> {
  let service: Service | undefined;
  yield* openNursery(function* (nursery) {
    service = new Service(actor.id, nursery, modules, runtime);
    status.started(service);
    yield* sleepForever();
  });
  if (service !== undefined) ended?.(service);
}
