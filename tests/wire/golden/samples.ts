/** One message of every type with every field, and its compact array written by hand. Regenerate the golden files after a change. */
import type { Message } from "../../../core/wire/mod.ts";

export interface Sample {
  readonly title: string;
  readonly message: Message;
  /** What an independent decoder finds in the compact spelling, where that can be said in JSON. */
  readonly compact: readonly unknown[];
}

const parent = ["parent", "00000000-0000-4000-8000-000000000001"] as const;
const child = ["child", "00000000-0000-4000-8000-000000000002"] as const;

/** One value of every extension type, for whose bytes see `EXTENSION_BYTES`. */
export const extended = {
  undef: undefined,
  big: 2n ** 64n,
  negative: -(2n ** 64n),
  small: 1n,
  int64: -(2n ** 63n),
  uint64: 2n ** 64n - 1n,
  map: new Map<unknown, unknown>([[1, "one"]]),
  set: new Set<unknown>([true, null]),
  regexp: /a+/gi,
  url: new URL("http://x.example/"),
  floats: Float32Array.of(1, -2),
  memory: Uint8Array.of(1, 2).buffer,
  bytes: Uint8Array.of(1, 2, 3),
  date32: new Date(1_000),
  date64: new Date(1_500),
  date96: new Date(-1),
} as const;

/** By hand, as `[type, bytes in hex]` for an extension. */
export const EXTENSION_BYTES = {
  undef: { ext: [0, "00"] },
  big: { ext: [1, "010000000000000000"] },
  negative: { ext: [1, "ff0000000000000000"] },
  small: { ext: [1, "01"] },
  int64: -9223372036854775808n,
  uint64: 18446744073709551615n,
  map: { ext: [2, "9201a36f6e65"] },
  set: { ext: [3, "92c3c0"] },
  regexp: { ext: [5, "92a2612ba26769"] },
  url: { ext: [6, "b1687474703a2f2f782e6578616d706c652f"] },
  floats: { ext: [7, "060000803f000000c0"] },
  memory: { ext: [7, "ff0102"] },
  bytes: { bin: "010203" },
  date32: { ext: [-1, "00000001"] },
  date64: { ext: [-1, "7735940000000001"] },
  date96: { ext: [-1, "3b8b87c0ffffffffffffffff"] },
} as const;

const boxed = {
  kind: "error",
  type: "TypeError",
  name: "TypeError",
  message: "no",
  stack: "TypeError: no\n    at f (a.ts:1:1)",
  code: "E_NO",
  data: { n: 1 },
} as const;

const error = {
  src_uid: child,
  src_type_str: "TypeError",
  boxed_type_str: "RemoteActorError",
  relay_path: [child, parent],
  message: "no",
  tb_str: "TypeError: no",
  canceller: null,
  sender: null,
  _bad_msg: null,
  _bad_msg_as_dict: null,
} as const;

const errorArray = [child, "TypeError", "RemoteActorError", [child, parent], "no", "TypeError: no", null, null];

export const samples: readonly Sample[] = [
  {
    title: "Aid",
    message: {
      msg_type: "Aid",
      name: "child",
      uuid: child[1],
      pid: 70000,
      is_registrar: false,
      is_probe: false,
      ext: ["compact", "credit"],
    },
    compact: [0, "child", child[1], 70000, false, false, ["compact", "credit"]],
  },
  {
    title: "Aid of a plain peer",
    message: { msg_type: "Aid", name: "child", uuid: child[1], pid: null, is_registrar: null, is_probe: true },
    compact: [0, "child", child[1], null, null, true],
  },
  {
    title: "SpawnSpec",
    message: {
      msg_type: "SpawnSpec",
      _parent_main_data: {},
      _runtime_vars: { log_level: "info" },
      enable_modules: { feed: "file:///app/feed.ts" },
      reg_addrs: [
        ["unix", "/run/x.sock"],
        ["127.0.0.1", 1616],
      ],
      bind_addrs: null,
    },
    compact: [
      1,
      {},
      { log_level: "info" },
      { feed: "file:///app/feed.ts" },
      [
        ["unix", "/run/x.sock"],
        ["127.0.0.1", 1616],
      ],
      null,
    ],
  },
  {
    title: "Start",
    message: {
      msg_type: "Start",
      cid: 1,
      ns: "feed",
      func: "isPrime",
      kwargs: { n: 7 },
      uid: parent,
      pld_spec: "any",
      deadline: 1500.5,
      trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      detached: true,
    },
    compact: [
      2,
      1,
      "feed",
      "isPrime",
      { n: 7 },
      parent,
      "any",
      1500.5,
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      true,
    ],
  },
  {
    title: "Start with one option",
    message: {
      msg_type: "Start",
      cid: 2,
      ns: "feed",
      func: "isPrime",
      kwargs: {},
      uid: parent,
      pld_spec: "any",
      detached: true,
    },
    compact: [2, 2, "feed", "isPrime", {}, parent, "any", null, null, true],
  },
  { title: "StartAck", message: { msg_type: "StartAck", cid: 1, functype: "context" }, compact: [3, 1, "context"] },
  { title: "Started", message: { msg_type: "Started", cid: 1, pld: { ready: 7 } }, compact: [4, 1, { ready: 7 }] },
  { title: "Yield", message: { msg_type: "Yield", cid: 300, pld: -1.5 }, compact: [5, 300, -1.5] },
  {
    title: "Yield of a batch",
    message: { msg_type: "Yield", cid: 300, pld: [1, [2], "drei"], batch: true },
    compact: [5, 300, [1, [2], "drei"], true],
  },
  {
    title: "Yield of extension types",
    message: { msg_type: "Yield", cid: 3, pld: extended },
    compact: [5, 3, EXTENSION_BYTES],
  },
  { title: "Stop", message: { msg_type: "Stop", cid: 1 }, compact: [6, 1] },
  { title: "Return", message: { msg_type: "Return", cid: 1, pld: null }, compact: [7, 1, null] },
  { title: "CancelAck", message: { msg_type: "CancelAck", cid: 1, pld: true }, compact: [8, 1, true] },
  {
    title: "Error",
    message: { msg_type: "Error", cid: 1, ...error, boxed },
    compact: [9, 1, ...errorArray, null, null, boxed],
  },
  {
    title: "Error of a connection",
    message: { msg_type: "Error", cid: null, ...error, canceller: parent, sender: child },
    compact: [9, null, ...errorArray.slice(0, 6), parent, child, null, null],
  },
  { title: "Credit", message: { msg_type: "Credit", cid: 1, items: 64, bytes: 1048576 }, compact: [10, 1, 64, 1048576] },
  {
    title: "Part",
    message: { msg_type: "Part", cid: 1, size: 300_000, bytes: Uint8Array.of(1, 2, 3) },
    compact: [11, 1, 300_000, { bin: "010203" }],
  },
  {
    title: "Log",
    message: {
      msg_type: "Log",
      time: 1_700_000_000_500,
      level: "info",
      actor: "child@00000000",
      pid: 70000,
      event: "log",
      message: "connected",
      task: "main",
      dialog: null,
      fields: { symbol: "BTC", tries: 2 },
    },
    compact: [
      12,
      1_700_000_000_500,
      "info",
      "child@00000000",
      70000,
      "log",
      "connected",
      "main",
      null,
      { symbol: "BTC", tries: 2 },
    ],
  },
];
