/** Documentation is true: a snippet under `<!-- path -->` is that file; that it runs is seen by `tests/guides`. */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { afterAnswer, afterQuestion } from "../../core/rpc/dialog-rules.ts";
import { VIEWS } from "../../core/wire/extension.ts";
import { FEATURES, FrameWriter, MessageCodec, type MsgType } from "../../core/wire/mod.ts";
import { SPELLINGS } from "../../core/wire/spelling.ts";
import { pages, read, root } from "../support/pages.ts";

const quoted = pages.flatMap((page) =>
  [...read(page).matchAll(/<!-- (\S+) -->\n```ts\n([\s\S]*?)```/g)].map(([, path = "", code = ""]) => ({
    page,
    path,
    code,
  })),
);

describe("documentation", () => {
  it("quotes a whole program in the README", () => {
    expect(quoted.map(({ page, path }) => `${page} ${path}`)).toContain("README.md examples/primes.ts");
  });

  it.each(quoted)("$page quotes $path as it is", ({ path, code }) => {
    expect(code).toBe(read(path));
  });

  it("links to files that are there", () => {
    for (const page of pages) {
      for (const [, target = ""] of read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
        const url = new URL(target, new URL(page, root));
        expect(existsSync(url), `${page} links to ${target}`).toBe(true);
      }
    }
  });

  it("names every limit of the code on the limits page", () => {
    const page = read("docs/limits.md");
    for (const file of [
      "core/actor/limits.ts",
      "core/rpc/limits.ts",
      "core/ipc/limits.ts",
      "core/log/limits.ts",
      "core/promise/limits.ts",
      "trionics/limits.ts",
    ]) {
      for (const [, name = ""] of read(file).matchAll(/export const (\w+) = [\d_]+/g)) expect(page).toContain(name);
    }
  });
});

describe("the protocol page", () => {
  const page = read("docs/protocol.md");
  const frames = [...page.matchAll(/<!-- (named|compact) (\{.*\}) -->\n```text\n([\s\S]*?)```/g)].map(
    ([, spelling = "", message = "", bytes = ""]) => ({
      spelling: spelling as "named" | "compact",
      message,
      hex: [...bytes.matchAll(/^(?:[\da-f]{2} )+/gm)].join("").replaceAll(" ", ""),
    }),
  );

  it("shows a frame in both spellings", () => {
    expect(frames.map(({ spelling }) => spelling)).toEqual(["named", "compact"]);
  });

  it.each(frames)("$spelling: $message has the bytes that it says", ({ spelling, message, hex }) => {
    const codec = new MessageCodec({ spelling, features: new Set(FEATURES) });
    const out = new FrameWriter();
    codec.append(JSON.parse(message), out);
    expect(hex).toBe(Buffer.concat(out.take()).toString("hex"));
  });

  it("has the messages, tags and fields of the code", () => {
    const rows = page.match(/^\| \d+ \| `\w+` \| .*$/gm) ?? [];
    const spelled = SPELLINGS.map(({ tag, msgType, fields }) => {
      const list = fields.map(({ name, type, optional }) => `\`${name}\` ${type}${optional ? ` (${optional})` : ""}`);
      return `| ${tag} | \`${msgType}\` | ${list.join(", ")} |`;
    });
    expect(rows).toEqual(spelled);
  });

  it("has the rules of dialogs that both sides go by", () => {
    const said = SPELLINGS.map(({ msgType }) => msgType);
    const row = (kind: string, at: string, next: (what: MsgType) => string | undefined) => {
      const steps = said.flatMap((what) => (next(what) === undefined ? [] : [`${what} → ${next(what)}`]));
      return steps.length === 0 ? [] : [`| ${kind} | ${at} | ${steps.join(", ")} |`];
    };
    const kinds = ["call", "context", "producer"] as const;
    const answers = kinds.flatMap((kind) =>
      (["asked", "accepted", "started", "stopped"] as const).flatMap((at) =>
        row(kind, at, (what) => afterAnswer(kind, at, what)),
      ),
    );
    const questions = kinds.flatMap((kind) =>
      (["open", "stopped"] as const).flatMap((at) => row(kind, at, (what) => afterQuestion(kind, "started", at, what))),
    );
    expect(page.match(/^\| (?:call|context|producer) \| .*$/gm)).toEqual([...answers, ...questions]);
  });

  it("has the kinds of views", () => {
    expect(page.replace(/\s+/g, " ")).toContain(VIEWS.map((View, kind) => `${kind} ${View.name}`).join(", "));
  });
});
