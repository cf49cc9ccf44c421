/** Higher helpers that need only the core. */
export { gatherContexts, type Opener } from "./gather-contexts.ts";
