/** What a child process runs: `node child-entry.js <name> <uuid>`, with the link to its parent as descriptor 3. */
import { Socket } from "node:net";
import { childMain } from "./child-main.ts";
import { LINK_FD } from "./process-backend.ts";

// A terminal sends Ctrl-C to the whole group. The root unwinds the tree; children wait to be told.
process.on("SIGINT", () => {});

const [, , name = "actor", uuid = ""] = process.argv;
process.title = `espalier:${name}`;
process.setSourceMapsEnabled(true);

process.exit(await childMain({ name, uuid }, new Socket({ fd: LINK_FD, readable: true, writable: true })));
