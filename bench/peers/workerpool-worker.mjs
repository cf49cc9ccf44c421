/** The worker of workerpool's pool. */

import { importPackage } from "../packages.mjs";
import { add } from "../peer.mjs";

const { default: workerpool } = await importPackage("workerpool");

workerpool.worker({ add, pid: () => process.pid });
