/** As `espalier.mjs`, for the entry with the higher helpers. */
export * from "../dist/trionics/mod.js";
