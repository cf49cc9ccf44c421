/** What is measured: the compiled package, as users run it. Its types are those of the sources. */
export * from "../dist/core/mod.js";
