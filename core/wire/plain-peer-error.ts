/**
 * Errors of peers that speak the plain protocol: a type's name, a message and a traceback are all there is. What the
 * protocol itself defines comes back as the runtime's own class.
 */
import { ContextCancelled, ModuleNotExposed, MsgTypeError, RemoteActorError, StreamOverrun } from "../errors/mod.ts";
import { type ErrorMsg, fromUid } from "./message.ts";

export function errorFromPlainPeer(msg: ErrorMsg): Error {
  const message = msg.message === null || msg.message === "" ? lastWords(msg) : msg.message;
  const dialog = msg.cid === null ? undefined : String(msg.cid);
  switch (msg.boxed_type_str) {
    case "ContextCancelled":
      return msg.canceller === null
        ? remoteError(msg, message)
        : new ContextCancelled(fromUid(msg.canceller), message, dialog, { cause: remoteError(msg, message) });
    case "StreamOverrun":
      return withCause(new StreamOverrun(message, dialog), msg, message);
    case "MsgTypeError":
      return withCause(new MsgTypeError("message", [{ path: [], message }], dialog), msg, message);
    case "ModuleNotExposed":
      return withCause(new ModuleNotExposed(message, []), msg, message);
    default:
      return remoteError(msg, message);
  }
}

function withCause(error: Error, msg: ErrorMsg, message: string): Error {
  error.cause = remoteError(msg, message);
  return error;
}

function remoteError(msg: ErrorMsg, message: string): RemoteActorError {
  return new RemoteActorError({
    remoteName: msg.src_type_str,
    remoteMessage: message,
    remoteStack: msg.tb_str === "" ? undefined : msg.tb_str,
    srcActor: fromUid(msg.src_uid),
    relayPath: msg.relay_path.map(fromUid),
    data: {},
    boxed: undefined,
  });
}

/** Python's message is empty where the error is not the runtime's; its traceback ends with `ValueError: the text`. */
function lastWords(msg: ErrorMsg): string {
  const line = msg.tb_str.trimEnd().split("\n").at(-1) ?? "";
  const prefix = `${msg.src_type_str}: `;
  return line.startsWith(prefix) ? line.slice(prefix.length) : line;
}
