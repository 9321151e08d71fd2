import { type Place, showPlace } from "../gateway/host.ts";

/** How a switch is joined with one elsewhere: by a TCP connection, awaited or made, or by datagrams. */
export type RemoteLink =
  | { readonly kind: "listen"; readonly at: Place }
  | { readonly kind: "connect"; readonly to: Place }
  | { readonly kind: "udp"; readonly at: Place; readonly to: Place };

const LOOPBACK = "127.0.0.1";
const FORM = "listen:[HOST:]PORT, connect:HOST:PORT or udp:[LOCALHOST:]LOCALPORT:HOST:PORT";

/**
 * Reads `listen:5000`, `connect:127.0.0.1:5000`, `udp:5001:127.0.0.1:5002`. An IPv6 address stands in brackets. Where
 * no host of its own is named, it is reached from this computer only.
 */
export function parseRemoteLink(text: string): RemoteLink | { error: string } {
  const wrong = (why: string): { error: string } => ({
    error: `${JSON.stringify(text)}: ${why}; expected ${FORM}`,
  });
  const [, kind, rest] = /^(\w+):(.*)$/s.exec(text) ?? [];
  if (kind !== "listen" && kind !== "connect" && kind !== "udp") return wrong("no kind of link");
  const parts = rest!.match(/\[[^\]]*\]|[^:]+/g) ?? [];
  if (parts.join(":") !== rest) return wrong("a part is empty");
  const read = (host: string | undefined, port: string | undefined): Place | string => {
    if (port === undefined) return "a part is missing";
    const number = /^\d{1,5}$/.test(port) ? Number(port) : 65536;
    if (number > 65535) return `${JSON.stringify(port)} is not a port`;
    return { host: host?.replace(/^\[(.*)\]$/, "$1") ?? LOOPBACK, port: number };
  };
  const to = kind === "listen" ? undefined : read(parts.at(-2), parts.at(-1));
  const own = kind === "udp" ? parts.slice(0, -2) : kind === "listen" ? parts : undefined;
  if (kind === "connect" && parts.length < 2) return wrong("a part is missing");
  if ((own ?? parts).length > 2) return wrong("a part is too much");
  const at = own === undefined ? undefined : read(own.length === 2 ? own[0] : undefined, own.at(-1));
  if (typeof at === "string") return wrong(at);
  if (typeof to === "string") return wrong(to);
  if (to?.port === 0) return wrong("port 0 cannot be reached");
  if (kind === "listen") return { kind, at: at! };
  return kind === "connect" ? { kind, to: to! } : { kind, at: at!, to: to! };
}

/** As it is read. */
export function showRemoteLink(link: RemoteLink): string {
  if (link.kind === "listen") return `listen:${showPlace(link.at)}`;
  if (link.kind === "connect") return `connect:${showPlace(link.to)}`;
  return `udp:${showPlace(link.at)}:${showPlace(link.to)}`;
}
