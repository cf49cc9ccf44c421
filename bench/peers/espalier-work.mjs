/** What espalier's parent does with its children, over and over: calls, contexts and their streams, tasks. */
import { each, openNursery, sleepForever } from "../espalier.mjs";
import { PAYLOADS } from "../payloads.mjs";
import { assertSame, TASKS } from "../peer.mjs";
import { actorMap } from "../trionics.mjs";
import { add, addLater, dialog, echo, items, sleeping, spin } from "./espalier-service.mjs";

/** @import { Operation } from "effection" */
/** @import { PeerContext, Portal, TaskStatus } from "../espalier.mjs" */
/** @import { PayloadName } from "../payloads.mjs" */
/** @import { TaskName } from "../peer.mjs" */

/** @param {Portal} portal @param {PayloadName} name @param {number} count @returns {Operation<number>} */
export function* stream(portal, name, count) {
  const { weigh } = PAYLOADS[name];
  let weight = 0;
  yield* portal.openContext(items, { name, count }, function* (ctx) {
    yield* ctx.openStream(function* (received) {
      for (const item of yield* each(received)) {
        weight += weigh(/** @type {any} */ (item));
        yield* each.next();
      }
    });
  });
  return weight;
}

/** @param {Portal} portal @param {number} count @returns {Operation<void>} */
export function* pingPong(portal, count) {
  yield* portal.openContext(echo, {}, function* (ctx) {
    yield* ctx.openStream(function* (both) {
      for (let i = 0; i < count; i++) {
        yield* both.send(i & 0x7f);
        assertSame("echo", yield* both.receive(), i & 0x7f);
      }
    });
  });
}

/** @param {Portal} portal @param {number} count @param {typeof add | typeof addLater} fn @returns {Operation<void>} */
export function* calls(portal, count, fn) {
  for (let i = 0; i < count; i++) assertSame("add", yield* portal.run(fn, { a: i, b: 1 }), i + 1);
}

/** @param {Portal} portal @param {number} count @param {number} callers @param {typeof add | typeof addLater} fn @returns {Operation<void>} */
export function* callsAtOnce(portal, count, callers, fn) {
  yield* openNursery(function* (nursery) {
    for (let i = 0; i < callers; i++) nursery.startSoon(calls, portal, Math.ceil(count / callers), fn);
  });
}

/** @param {Portal} portal @param {number} count @returns {Operation<void>} */
export function* dialogs(portal, count) {
  for (let value = 0; value < count; value++) {
    yield* portal.openContext(dialog, { value }, function* (ctx, first) {
      assertSame("first value", first, value);
      assertSame("result", yield* ctx.waitForResult(), value + 1);
    });
  }
}

/** @param {TaskStatus<void>} status @param {Portal} portal @returns {Operation<void>} */
export function* holdOpen(status, portal) {
  yield* portal.openContext(sleeping, {}, function* () {
    status.started();
    yield* sleepForever();
  });
}

/** @param {Portal} portal @param {number} count @returns {Operation<number>} */
export function* cancels(portal, count) {
  let ms = 0;
  let from = 0;
  /** @param {PeerContext} ctx */
  const cancel = function* (ctx) {
    from = performance.now();
    yield* ctx.cancel();
  };
  for (let i = 0; i < count; i++) {
    yield* portal.openContext(sleeping, {}, cancel);
    ms += performance.now() - from;
  }
  return ms;
}

/** @param {readonly Portal[]} portals @param {TaskName} name @param {number} count @param {number} atOnce - in each @returns {Operation<void>} */
export function* tasks(portals, name, count, atOnce) {
  const { make, expected } = TASKS[name];
  const items = Array.from({ length: count }, (_, i) => make(i));
  const options = { concurrency: atOnce * portals.length };
  const fn = /** @type {typeof add} */ (name === "add" ? add : spin);
  for (const { index, value } of yield* each(actorMap(portals, fn, items, options))) {
    assertSame(name, value, expected(index));
    yield* each.next();
  }
}
