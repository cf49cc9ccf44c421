/** What espalier's child exposes. */
import { context, each, sleepForever } from "../espalier.mjs";
import { PAYLOADS } from "../payloads.mjs";
import { spin as spinFor, add as sum } from "../peer.mjs";

/** @import { Context } from "../espalier.mjs" */
/** @import { PayloadName } from "../payloads.mjs" */

/** @param {{ a: number, b: number }} args */
export function* add({ a, b }) {
  return sum(a, b);
}

/** As Promise code. @param {{ a: number, b: number }} args */
export async function addLater({ a, b }) {
  return sum(a, b);
}

/** @param {{ turns: number }} args */
export function* spin({ turns }) {
  return spinFor(turns);
}

export function* pid() {
  return process.pid;
}

export const items = context(
  /** @param {Context<{ send: NonNullable<unknown> }>} ctx @param {{ name: PayloadName, count: number }} args */
  function* (ctx, { name, count }) {
    const { make } = PAYLOADS[name];
    yield* ctx.started();
    yield* ctx.openStream(function* (stream) {
      for (let i = 0; i < count; i++) yield* stream.send(make(i));
    });
  },
);

export const echo = context(
  /** @param {Context<{ send: number, receive: number }>} ctx */
  function* (ctx) {
    yield* ctx.started();
    yield* ctx.openStream(function* (stream) {
      for (const item of yield* each(stream)) {
        yield* stream.send(item);
        yield* each.next();
      }
    });
  },
);

export const dialog = context(
  /** @param {Context<{ started: number }>} ctx @param {{ value: number }} args */
  function* (ctx, { value }) {
    yield* ctx.started(value);
    return value + 1;
  },
);

export const sleeping = context(
  /** @param {Context} ctx */
  function* (ctx) {
    yield* ctx.started();
    yield* sleepForever();
  },
);
