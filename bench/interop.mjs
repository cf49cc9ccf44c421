/** As `espalier.mjs`, for the entry that speaks RxJS. */
export * from "../dist/interop/mod.js";
