import type { Address } from "../wire/address.ts";
import { type IpAddress, parseIpAddress, showIpEndpoint } from "../wire/ip-address.ts";
import { type Place, showPlace } from "./host.ts";

/** A guest's port, made reachable at a place of the host. */
export interface Publication {
  readonly protocol: "tcp" | "udp";
  /** Where the host listens; port 0 takes a free one. */
  readonly at: Place;
  /** The guest's address. */
  readonly guest: IpAddress;
  /** 1 … 65535 */
  readonly port: number;
}

export interface PublishDefaults {
  /** Where to listen when the text names no host. Default 127.0.0.1: only this computer. */
  host?: string;
  /** The guest when the text names none. Default 10.0.2.15. */
  guest?: IpAddress;
}

export const FIRST_GUEST: Address = 0x0a00020f;
const LOOPBACK = "127.0.0.1";
const FORM = "[HOST:]PORT:[GUEST:]GUESTPORT[/udp]";

/**
 * Reads `8080:80`, `0.0.0.0:8080:80`, `[::1]:5353:53/udp`, `8080:10.0.2.16:80`, `8080:[fd00::15]:80`. HOST is an IP
 * address or a name, GUEST an IP address: with three parts, the middle one decides which of the two the text has. An IPv6
 * address stands in brackets, for it has colons of its own.
 */
export function parsePublication(
  text: string,
  defaults: PublishDefaults = {},
): Publication | { error: string } {
  const wrong = (why: string): { error: string } => ({
    error: `${JSON.stringify(text)}: ${why}; expected ${FORM}`,
  });
  const [, body, suffix] = /^(.*?)(?:\/(.*))?$/s.exec(text)!;
  const protocol = suffix ?? "tcp";
  if (protocol !== "tcp" && protocol !== "udp") return wrong(`${JSON.stringify(suffix)} is not tcp or udp`);

  const parts = body!.split(/:(?![^[]*\])/);
  const isGuest = (part: string): boolean => guestOf(part) !== undefined;
  let host: string | undefined;
  if (/^\[.*\]$/.test(parts[0]!) || parts.length === 4 || (parts.length === 3 && !isGuest(parts[1]!)))
    host = parts.shift()!.replace(/^\[(.*)\]$/, "$1");
  if (host === "") return wrong("the host is empty");
  let guest = defaults.guest ?? FIRST_GUEST;
  if (parts.length === 3) {
    const address = guestOf(parts[1]!);
    if (address === undefined) return wrong(`${JSON.stringify(parts[1])} is not an IP address`);
    guest = address;
    parts.splice(1, 1);
  }
  if (parts.length !== 2)
    return wrong(
      parts.length > 3
        ? "too many parts; an IPv6 address stands in brackets"
        : "a part is missing or too much",
    );
  const [outer, inner] = parts.map(readPort) as [number | undefined, number | undefined];
  if (outer === undefined) return wrong(`${JSON.stringify(parts[0])} is not a port`);
  if (inner === undefined || inner === 0) return wrong(`${JSON.stringify(parts[1])} is not a guest's port`);
  return { protocol, at: { host: host ?? defaults.host ?? LOOPBACK, port: outer }, guest, port: inner };
}

/** `10.0.2.16` or `[fd00::15]` */
function guestOf(part: string): IpAddress | undefined {
  const [, six] = /^\[(.*)\]$/.exec(part) ?? [];
  const address = parseIpAddress(six ?? part);
  return (typeof address === "string") === (six !== undefined) ? address : undefined;
}

/** A port at the gateway's own address behind which a place of the host is, such as a service of the host itself. */
export interface HostPort {
  readonly protocol: "tcp" | "udp";
  /** 1 … 65535 */
  readonly port: number;
  readonly to: Place;
}

/**
 * Reads `3000`, `80:3000`, `53:5353/udp`, `80:[::1]:3000`: the gateway's port, and that of the host's loopback if it is
 * another; which is 127.0.0.1 unless it is said to be ::1.
 */
export function parseHostPort(text: string): HostPort | { error: string } {
  const [, outer, six, inner = outer, protocol = "tcp"] =
    /^(\d{1,5})(?::(?:(\[::1\]|127\.0\.0\.1):)?(\d{1,5}))?(?:\/(tcp|udp))?$/.exec(text) ?? [];
  const [port, to] = [readPort(outer ?? ""), readPort(inner ?? "")];
  if (!port || !to) return { error: `${JSON.stringify(text)}: expected PORT[:[[::1]:]HOSTPORT][/udp]` };
  const host = six === "[::1]" ? "::1" : LOOPBACK;
  return { protocol: protocol === "udp" ? "udp" : "tcp", port, to: { host, port: to } };
}

/** `127.0.0.1:8080 → 10.0.2.15:80/tcp` */
export function showPublication({ protocol, at, guest, port }: Publication): string {
  return `${showPlace(at)} → ${showIpEndpoint({ address: guest, port })}/${protocol}`;
}

function readPort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}
