/** As `espalier.mjs`, for the entry that calls Promise code. */
export * from "../dist/to_promise/mod.js";
