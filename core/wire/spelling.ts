/**
 * Both spellings of the vocabulary, from one table. Named: a map with `msg_type` and the fields by name, byte for byte
 * as Python peers write it. Compact: an array of the message's tag, its `cid` if it has one, and its other fields in
 * the order of the table; absent ones at the end are left out, others are nil.
 */
import type { Feature, MsgType } from "./message.ts";

/** What a field may be. `…?` are also nil. */
export type FieldType =
  | "text"
  | "text?"
  | "texts"
  | "flag"
  | "flag?"
  | "count"
  | "count?"
  | "amount"
  | "cid"
  | "cid?"
  | "uid"
  | "uid?"
  | "uids"
  | "record"
  | "names"
  | "addresses"
  | "addresses?"
  | "functype"
  | "boxed"
  | "bytes"
  | "any";

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** Whether its texts are among the few that a connection sees again and again. */
  readonly isName: boolean;
  /** Sent only where it has a value, and to a peer that understands it. */
  readonly optional: Feature | "ours" | "always" | undefined;
}

export interface Spelling {
  readonly msgType: MsgType;
  readonly tag: number;
  /** In the order of the named spelling. */
  readonly fields: readonly Field[];
  /** In the order of the compact spelling: `cid` first, then as the named ones. */
  readonly compact: readonly Field[];
  /** The field that carries a user's value, and what `MsgTypeError` calls it. */
  readonly payload: string | undefined;
  readonly slot: string;
  /** The feature that a peer must understand to be sent this message at all. */
  readonly needs: Feature | undefined;
}

function isName(field: string, type: FieldType): boolean {
  return type === "uid" || (type === "text" && ["ns", "func", "pld_spec", "level", "event"].includes(field));
}

type Row = readonly [name: string, type: FieldType, optional?: Field["optional"]];

function spell(
  tag: number,
  msgType: MsgType,
  rows: readonly Row[],
  facts: { readonly payload?: string; readonly slot?: string; readonly needs?: Feature } = {},
): Spelling {
  const fields = rows.map(([name, type, optional]): Field => ({ name, type, isName: isName(name, type), optional }));
  const cid = fields.filter((field) => field.name === "cid");
  const others = fields.filter((field) => field.name !== "cid");
  const { payload, slot, needs } = facts;
  return { msgType, tag, fields, compact: [...cid, ...others], payload, slot: slot ?? msgType, needs };
}

/** The table. Tags are part of the protocol between two of us and never change. */
export const SPELLINGS: readonly Spelling[] = [
  spell(0, "Aid", [
    ["name", "text"],
    ["uuid", "text"],
    ["pid", "count?"],
    ["is_registrar", "flag?"],
    ["is_probe", "flag"],
    ["ext", "texts", "always"],
  ]),
  spell(1, "SpawnSpec", [
    ["_parent_main_data", "record"],
    ["_runtime_vars", "record"],
    ["enable_modules", "names"],
    ["reg_addrs", "addresses"],
    ["bind_addrs", "addresses?"],
  ]),
  spell(
    2,
    "Start",
    [
      ["cid", "cid"],
      ["ns", "text"],
      ["func", "text"],
      ["kwargs", "record"],
      ["uid", "uid"],
      ["pld_spec", "text"],
      ["deadline", "amount", "deadline"],
      ["trace", "text", "trace"],
      ["detached", "flag", "ours"],
      ["terse", "flag", "terse"],
    ],
    { payload: "kwargs", slot: "args" },
  ),
  spell(3, "StartAck", [
    ["cid", "cid"],
    ["functype", "functype"],
  ]),
  spell(
    4,
    "Started",
    [
      ["cid", "cid"],
      ["pld", "any"],
    ],
    { payload: "pld", slot: "started" },
  ),
  spell(
    5,
    "Yield",
    [
      ["cid", "cid"],
      ["pld", "any"],
      ["batch", "flag", "batch"],
    ],
    { payload: "pld", slot: "send" },
  ),
  spell(6, "Stop", [["cid", "cid"]]),
  spell(
    7,
    "Return",
    [
      ["cid", "cid"],
      ["pld", "any"],
    ],
    { payload: "pld", slot: "result" },
  ),
  spell(8, "CancelAck", [
    ["cid", "cid"],
    ["pld", "flag"],
  ]),
  spell(9, "Error", [
    ["src_uid", "uid"],
    ["src_type_str", "text"],
    ["boxed_type_str", "text"],
    ["relay_path", "uids"],
    ["message", "text?"],
    ["tb_str", "text"],
    ["canceller", "uid?"],
    ["sender", "uid?"],
    ["cid", "cid?"],
    ["_bad_msg", "any"],
    ["_bad_msg_as_dict", "any"],
    ["boxed", "boxed", "boxed"],
  ]),
  spell(
    10,
    "Credit",
    [
      ["cid", "cid"],
      ["items", "count"],
      ["bytes", "count"],
    ],
    { needs: "credit" },
  ),
  spell(
    11,
    "Part",
    [
      ["cid", "cid"],
      ["size", "count"],
      ["bytes", "bytes"],
    ],
    { needs: "parts" },
  ),
  spell(
    12,
    "Log",
    [
      ["time", "amount"],
      ["level", "text"],
      ["actor", "text"],
      ["pid", "count"],
      ["event", "text"],
      ["message", "text"],
      ["task", "text?"],
      ["dialog", "text?"],
      ["fields", "record"],
    ],
    { needs: "log" },
  ),
];

const BY_TYPE: ReadonlyMap<unknown, Spelling> = new Map(SPELLINGS.map((spelling) => [spelling.msgType, spelling]));

/** The row of a `msg_type`, which may be anything; undefined if there is none. */
export function spellingOf(msgType: unknown): Spelling | undefined {
  return BY_TYPE.get(msgType);
}
