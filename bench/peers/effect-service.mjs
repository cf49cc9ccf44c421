/** The procedures of the Effect RPC peer, and the one that streams each payload. */
import { importPackage } from "../packages.mjs";

/** @import { PayloadName } from "../payloads.mjs" */

const { Schema } = await importPackage("effect");
const { Rpc, RpcGroup } = await importPackage("effect/rpc");

const Items = { name: Schema.String, count: Schema.Number };
const Tick = Schema.Struct({
  symbol: Schema.String,
  price: Schema.Number,
  size: Schema.Number,
  time: Schema.Number,
  side: Schema.String,
});

export const Procedures = RpcGroup.make(
  Rpc.make("Add", { payload: { a: Schema.Number, b: Schema.Number }, success: Schema.Number }),
  Rpc.make("Dialog", { payload: { value: Schema.Number }, success: Schema.Number, stream: true }),
  Rpc.make("Sleep", { success: Schema.Number, stream: true }),
  Rpc.make("Integers", { payload: Items, success: Schema.Number, stream: true }),
  Rpc.make("Ticks", { payload: Items, success: Tick, stream: true }),
  Rpc.make("Chunks", { payload: Items, success: Schema.Uint8Array, stream: true }),
);

/** @type {Readonly<Record<PayloadName, "Integers" | "Ticks" | "Chunks">>} */
export const STREAMS = { int: "Integers", object: "Ticks", "bytes-64k": "Chunks", "bytes-1m": "Chunks" };
