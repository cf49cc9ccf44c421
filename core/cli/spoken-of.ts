/** Failures that say all there is to say in their message: no stack helps who has typed a command. */
import {
  ActorNotFound,
  ActorTooSlowError,
  AuthenticationError,
  ConnectError,
  FunctionNotFound,
  ModuleNotExposed,
  MsgTypeError,
  RegistrarUnavailable,
  TooSlowError,
  TransportClosed,
  WrongEndpointKind,
} from "../errors/mod.ts";

const CLASSES = [
  ActorNotFound,
  ActorTooSlowError,
  AuthenticationError,
  ConnectError,
  FunctionNotFound,
  ModuleNotExposed,
  MsgTypeError,
  RegistrarUnavailable,
  TooSlowError,
  TransportClosed,
  WrongEndpointKind,
];

export function isSpokenOf(error: unknown): error is Error {
  // What is no address, too.
  return error instanceof RangeError || CLASSES.some((cls) => error instanceof cls);
}
