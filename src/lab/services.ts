/** From what a description says of a service to the service: one row a kind. */
import { SECOND } from "../base/index.ts";
import {
  type Calendar,
  ChargenService,
  DaytimeService,
  DhcpServer,
  DiscardService,
  DnsServer,
  EchoService,
  FtpServer,
  type HttpPage,
  HttpServer,
  NtpServer,
  type Resolver,
  type Service,
  SmtpSink,
  type Stack,
  SyslogSink,
  TftpServer,
  Tree,
} from "../net/index.ts";
import type { ServiceDescription, serviceFields } from "./description.ts";

export type ServiceKind = keyof typeof serviceFields;
type Wish<K extends ServiceKind> = NonNullable<ServiceDescription[K]>;

/** What services need beside their description. */
export interface ServiceSurroundings {
  readonly stack: Stack;
  readonly calendar?: Calendar;
  /** The files of a folder, by path within it. */
  readonly folder?: (path: string) => Readonly<Record<string, Uint8Array>>;
  /** Finds names outside; undefined where there is no way out. */
  readonly resolve?: Resolver | undefined;
}

const makers: { readonly [K in ServiceKind]: (wish: Wish<K>, around: ServiceSurroundings) => Service } = {
  dns: ({ hosts, zones, forward, port }, { stack, resolve }) => {
    if (forward && !resolve) throw new Error("names can be forwarded only where the way out is open");
    return new DnsServer({
      stack,
      ...(hosts && { hosts }),
      ...(zones && {
        zones: zones.map(({ ttl, ...zone }) => ({ ...zone, ...(ttl !== undefined && { ttl }) })),
      }),
      ...(forward && resolve && { resolve }),
      ...(port !== undefined && { port }),
    });
  },
  dhcp: ({ first, last, lease, fixed, ...others }, { stack }) =>
    new DhcpServer({
      stack,
      pool: { first, last },
      ...others,
      ...(fixed && { fixed }),
      ...(lease !== undefined && { leaseSeconds: Math.ceil(lease / SECOND) }),
    }),
  ntp: (wish, { stack, calendar }) => new NtpServer({ stack, ...wish, ...(calendar && { calendar }) }),
  http: ({ pages = {}, folder, port }, around) =>
    new HttpServer({
      stack: around.stack,
      pages: { ...webPages(folder, around), ...pages },
      ...(port !== undefined && { port }),
      ...(around.calendar && { calendar: around.calendar }),
    }),
  ftp: ({ files, folder, ...others }, around) =>
    new FtpServer({ stack: around.stack, files: tree(files, folder, around), ...others, ...dated(around) }),
  tftp: ({ files, folder, ...others }, around) =>
    new TftpServer({ stack: around.stack, files: tree(files, folder, around), ...others }),
  smtp: (wish, { stack }) => new SmtpSink({ stack, ...wish }),
  syslog: (wish, { stack }) => new SyslogSink({ stack, ...wish }),
  echo: (wish, { stack }) => new EchoService({ stack, ...wish }),
  discard: (wish, { stack }) => new DiscardService({ stack, ...wish }),
  daytime: (wish, around) => new DaytimeService({ stack: around.stack, ...wish, ...dated(around) }),
  chargen: (wish, { stack }) => new ChargenService({ stack, ...wish }),
};

export const serviceKinds = Object.keys(makers) as ServiceKind[];

/** Throws, saying why, when it cannot be: a port is taken, a zone makes no sense. */
export function makeService<K extends ServiceKind>(
  kind: K,
  wish: Wish<K>,
  around: ServiceSurroundings,
): Service {
  return makers[kind](wish, around);
}

const dated = ({ calendar }: ServiceSurroundings): { calendar?: Calendar } => (calendar ? { calendar } : {});

function tree(
  files: Readonly<Record<string, string>> | undefined,
  folder: string | undefined,
  around: ServiceSurroundings,
): Tree {
  return new Tree({ ...folderOf(folder, around), ...files });
}

function folderOf(
  folder: string | undefined,
  around: ServiceSurroundings,
): Readonly<Record<string, Uint8Array>> {
  if (folder === undefined) return {};
  if (!around.folder) throw new Error(`there is no folder ${folder} here`);
  return around.folder(folder);
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  htm: "text/html; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  png: "image/png",
  jpg: "image/jpeg",
  gif: "image/gif",
  ico: "image/x-icon",
};

/** The files of a folder as pages; `index.html` is also its folder's page. */
function webPages(folder: string | undefined, around: ServiceSurroundings): Record<string, HttpPage> {
  const pages: Record<string, HttpPage> = {};
  for (const [name, body] of Object.entries(folderOf(folder, around))) {
    const path = name.startsWith("/") ? name : `/${name}`;
    const type = TYPES[/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? ""];
    pages[path] = { body, ...(type && { type }) };
    if (path.endsWith("/index.html")) pages[path.slice(0, -"index.html".length)] = pages[path]!;
  }
  return pages;
}
