/** The service of the gRPC peer, loaded as grpc-js's guide does it; and the method that streams each payload. */
import { fileURLToPath } from "node:url";
import { importPackage } from "../packages.mjs";

/** @import { PayloadName } from "../payloads.mjs" */

const { loadPackageDefinition } = await importPackage("@grpc/grpc-js");
const { loadSync } = await importPackage("@grpc/proto-loader");

/** @type {any} */
const loaded = loadPackageDefinition(loadSync(fileURLToPath(import.meta.resolve("./service.proto"))));

/** A client's constructor; its `service` is what a server implements. */
export const { Child } = loaded.bench;

/** @type {Readonly<Record<PayloadName, "Integers" | "Ticks" | "Chunks">>} */
export const STREAMS = { int: "Integers", object: "Ticks", "bytes-64k": "Chunks", "bytes-1m": "Chunks" };
