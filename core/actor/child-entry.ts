/** What a child process runs: `node child-entry.js <name> <uuid>`, with the link to its parent as descriptor 3. */
import * as nodeModule from "node:module";

// Node 22.8 and later: what was compiled once is kept for all children, in Node's own folder for that. It has to be asked
// for before anything large is imported.
if ("enableCompileCache" in nodeModule && typeof nodeModule.enableCompileCache === "function") {
  nodeModule.enableCompileCache();
}

await import("./child-process.ts");
