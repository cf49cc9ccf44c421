/** The child of the gRPC peer: a server on the Unix socket that it is told, until its stdin ends. */
import { writeSync } from "node:fs";
import { importPackage } from "../packages.mjs";
import { PAYLOADS } from "../payloads.mjs";
import { add } from "../peer.mjs";
import { Child, STREAMS } from "./grpc-service.mjs";

/** @import { PayloadName } from "../payloads.mjs" */

const { Server, ServerCredentials } = await importPackage("@grpc/grpc-js");

/** @param {any} call - a stream that takes what is written; `write` is false when it is full */
async function produce(call) {
  const { count } = call.request;
  const name = /** @type {PayloadName} */ (call.request.name);
  const { make } = PAYLOADS[name];
  const isTick = STREAMS[name] === "Ticks";
  for (let i = 0; i < count; i++) {
    const item = make(i);
    if (!call.write(isTick ? item : { value: item })) await new Promise((resolve) => call.once("drain", resolve));
  }
  call.end();
}

const server = new Server();
server.addService(Child.service, {
  Add: (/** @type {any} */ { request }, /** @type {any} */ answer) =>
    answer(null, { value: add(request.a, request.b) }),
  Echo: (/** @type {any} */ call) =>
    call.on("data", (/** @type {any} */ item) => call.write(item)).on("end", () => call.end()),
  Dialog(/** @type {any} */ call) {
    const { value } = call.request;
    call.write({ value });
    call.write({ value: value + 1 });
    call.end();
  },
  Integers: produce,
  Ticks: produce,
  Chunks: produce,
});
server.bindAsync(`unix:${process.argv[2]}`, ServerCredentials.createInsecure(), (/** @type {Error | null} */ error) => {
  if (error !== null) throw error;
  writeSync(1, "ready\n");
});
process.stdin.on("end", () => process.exit()).resume();
