/** What `npm run bench` is told: read, or explained. */
import { parseArgs } from "node:util";

const USAGE = `npm run bench -- [scenario…] [options]

A scenario is a group (sc, stream, actor, pool, bridge), a full name (sc/checkpoint) or how one begins (sc/spawn).

  --list            the names of all scenarios, with their peers
  --peer <name>     only this peer; may be given again
  --repeats <n>     samples of each, 5 unless told; each is a fresh process
  --quick           a tenth of the work, twice: a look, not for quoting
  --pin             both sides on one core, by taskset
  --soak <n>        millions of operations of the soak scenarios, 1 unless told
  --json            all samples;  --markdown  tables for a document
  --help            this`;

/** End this process with what is to be said, which is an error unless `status` is 0. @returns {never} */
export function leave(/** @type {string} */ text, /** @type {number} */ status) {
  (status === 0 ? console.log : console.error)(text);
  process.exit(status);
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        scenario: { type: "string", multiple: true, default: [] },
        list: { type: "boolean", default: false },
        peer: { type: "string", multiple: true, default: [] },
        json: { type: "boolean", default: false },
        markdown: { type: "boolean", default: false },
        pin: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        repeats: { type: "string" },
        soak: { type: "string", default: "1" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    return leave(`${error instanceof Error ? error.message : error}\n\n${USAGE}`, 2);
  }
}

/** @type {(name: string, text: string) => number} */
function positive(name, text) {
  const value = Number(text);
  return value > 0 ? value : leave(`--${name} must be a number above 0, got ${text}`, 2);
}

/** Ends this process with the usage where that is asked for, or where the options are none. */
export function readOptions() {
  const { values, positionals } = parse();
  if (values.help) leave(USAGE, 0);
  const { scenario, list, peer, json, markdown, pin, quick } = values;
  return {
    wanted: [...positionals, ...scenario],
    peers: peer,
    list,
    json,
    markdown,
    pin,
    quick,
    repeats: positive("repeats", values.repeats ?? (quick ? "2" : "5")),
    soak: positive("soak", values.soak),
  };
}
