/**
 * Every error espalier raises, as small named classes: facts are fields, the origin is `cause`. A message says what
 * failed, where, and what to do.
 */
export * from "./actors.ts";
export * from "./connections.ts";
export * from "./dialogs.ts";
export * from "./promises.ts";
export * from "./scopes.ts";
