/**
 * Addresses of actors' servers. As text they are multiaddrs, which say in so many words what they are:
 *
 *     /unix/run/user/1000/x.sock     /ip4/127.0.0.1/tcp/0     /ip6/::1/tcp/1616     /dns4/host.example/tcp/1616
 *
 * What follows `/unix` is the socket's path itself, so that it is always absolute. On the wire a TCP address is
 * `[host, port]`, as Python peers write it, and a Unix socket `["unix", path]`.
 */
import { inspect } from "node:util";
import type { WireAddress } from "./message.ts";

export type Address =
  | { readonly transport: "unix"; readonly path: string }
  | {
      readonly transport: "tcp";
      readonly family: "ip4" | "ip6" | "dns4";
      readonly host: string;
      readonly port: number;
    };

/** Longest path of a Unix socket, in bytes: what `sockaddr_un` holds on macOS and the BSDs (Linux: 107). */
export const MAX_UNIX_PATH_BYTES = 103;

/**
 * @throws TypeError if `text` is not a string
 * @throws RangeError naming the part that is not right
 */
export function parseAddress(text: string): Address {
  if (typeof text !== "string") throw new TypeError(`address must be a string, got ${typeof text}`);
  if (text.startsWith("/unix/")) return checkAddress({ transport: "unix", path: text.slice("/unix".length) });
  const [empty, family, host, tcp, port, ...rest] = text.split("/");
  if (empty !== "" || family === undefined || host === undefined || port === undefined || rest.length > 0) {
    throw new RangeError(`address must look like ${EXAMPLES}, got ${JSON.stringify(text)}`);
  }
  if (family !== "ip4" && family !== "ip6" && family !== "dns4") {
    throw new RangeError(`address family must be unix, ip4, ip6 or dns4, got "${family}" in ${JSON.stringify(text)}`);
  }
  if (tcp !== "tcp") throw new RangeError(`address transport must be tcp, got "${tcp}" in ${JSON.stringify(text)}`);
  if (!/^(0|[1-9]\d{0,4})$/.test(port)) {
    throw new RangeError(`address port must be a whole number in 0..65535, got "${port}" in ${JSON.stringify(text)}`);
  }
  return checkAddress({ transport: "tcp", family, host, port: Number(port) });
}

/**
 * The multiaddr of an address; `parseAddress` gives an equal address for it.
 *
 * @throws RangeError naming the field that is not right
 */
export function formatAddress(address: Address): string {
  checkAddress(address);
  return address.transport === "unix"
    ? `/unix${address.path}`
    : `/${address.family}/${address.host}/tcp/${address.port}`;
}

/** @throws RangeError naming the field that is not right */
export function toWireAddress(address: Address): WireAddress {
  checkAddress(address);
  return address.transport === "unix" ? ["unix", address.path] : [address.host, address.port];
}

/**
 * The address in its wire form, which may be anything.
 *
 * @throws TypeError if it is not a pair of the right types
 * @throws RangeError naming the field that is not right
 */
export function fromWireAddress(wire: unknown): Address {
  if (!isWireAddress(wire)) throw new TypeError(`a wire address is [host, port] or ["unix", path], got ${show(wire)}`);
  const [host, place] = wire;
  if (typeof place === "string") return checkAddress({ transport: "unix", path: place });
  return checkAddress({ transport: "tcp", family: familyOf(host), host, port: place });
}

export function isWireAddress(value: unknown): value is WireAddress {
  if (!Array.isArray(value) || value.length !== 2 || typeof value[0] !== "string") return false;
  return typeof value[1] === "number" || (value[0] === "unix" && typeof value[1] === "string");
}

export function sameAddress(a: Address, b: Address): boolean {
  return formatAddress(a) === formatAddress(b);
}

const EXAMPLES = '"/unix/run/x.sock", "/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/1" or "/dns4/host/tcp/1"';

function checkAddress(address: Address): Address {
  if (address.transport === "unix") {
    const { path } = address;
    if (!path.startsWith("/") || path.length < 2 || path.includes("\0")) {
      throw new RangeError(`path of a unix address must be absolute, got ${show(path)}`);
    }
    const bytes = Buffer.byteLength(path);
    if (bytes <= MAX_UNIX_PATH_BYTES) return address;
    throw new RangeError(
      `path of a unix address must be at most ${MAX_UNIX_PATH_BYTES} bytes, got ${bytes}: ${show(path)}`,
    );
  }
  const { family, host, port } = address;
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`port must be a whole number in 0..65535, got ${show(port)}`);
  }
  if (!HOSTS[family](host))
    throw new RangeError(`host of an ${family} address must be ${HOST_FORMS[family]}, got ${show(host)}`);
  return address;
}

type Family = "ip4" | "ip6" | "dns4";

const HOST_FORMS: Readonly<Record<Family, string>> = {
  ip4: "four numbers in 0..255",
  ip6: "an IPv6 address",
  dns4: "a host name",
};

const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

const HOSTS: Readonly<Record<Family, (host: string) => boolean>> = {
  ip4: (host) =>
    /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) &&
    host.split(".").every((part) => String(Number(part)) === part && Number(part) <= 255),
  ip6: isIp6,
  dns4: (host) => host.length <= 253 && host.split(".").every((label) => LABEL.test(label)) && !HOSTS.ip4(host),
};

function familyOf(host: string): Family {
  return HOSTS.ip4(host) ? "ip4" : host.includes(":") ? "ip6" : "dns4";
}

/** As a URL has it, but for the brackets: the platform's parser knows all its forms. A zone (`%eth0`) may follow. */
function isIp6(host: string): boolean {
  const [ip, zone, ...rest] = host.split("%");
  if (rest.length > 0 || (zone !== undefined && !/^[A-Za-z0-9._-]+$/.test(zone))) return false;
  return ip !== undefined && /^[0-9A-Fa-f:.]+$/.test(ip) && URL.canParse(`http://[${ip}]/`);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : inspect(value, { depth: 1, maxArrayLength: 4 });
}
