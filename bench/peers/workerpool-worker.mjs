/** The worker of workerpool's pools. */

import { importPackage } from "../packages.mjs";
import { add, pid, spin } from "./pool-tasks.mjs";

const { default: workerpool } = await importPackage("workerpool");

workerpool.worker({ add, spin, pid });
