/** What a service was asked, as lines for people, tests and laboratories: one form for all kinds of service. */
import { latin1, type Micros } from "../../base/index.ts";
import { showAddress, showMac } from "../wire/address.ts";
import { showIpEndpoint } from "../wire/ip-address.ts";
import { DhcpServer } from "./dhcp.ts";
import { DnsServer } from "./dns.ts";
import { FtpServer } from "./ftp.ts";
import { HttpServer } from "./http.ts";
import type { Journal } from "./journal.ts";
import { NtpServer } from "./ntp.ts";
import type { Service } from "./service.ts";
import { ChargenService, DaytimeService, DiscardService, EchoService } from "./small.ts";
import { SmtpSink } from "./smtp.ts";
import { SyslogSink } from "./syslog.ts";
import { TftpServer } from "./tftp.ts";
import type { Upload } from "./tree.ts";
import { rcodeName, typeName } from "./wire/dns.ts";

export interface ServiceNews {
  readonly at: Micros;
  /** One line: who asked what. */
  readonly text: string;
  /** What came with it: a body, a mail, bytes; a character each. "" where there is none. */
  readonly content: string;
}

/** Answers, each time it is asked, what has come since; undefined for a service that keeps nothing. */
export function newsOf(service: Service): Reader | undefined {
  if (service instanceof HttpServer)
    return reader(service.requests, ({ at, from, method, target, body }) => ({
      at,
      text: `${method} ${target} from ${end(from)}`,
      content: latin1(body),
    }));
  if (service instanceof DnsServer)
    return reader(service.queries, ({ at, from, name, type, rcode, protocol }) => ({
      at,
      text: `${typeName(type)} ${name} ${rcodeName(rcode)} from ${end(from)}${protocol === "tcp" ? " over TCP" : ""}`,
      content: "",
    }));
  if (service instanceof DhcpServer)
    return reader(service.events, ({ at, message, answer, address }) => ({
      at,
      text: `${showMac(message.mac)} ${answer} ${showAddress(address)}`,
      content: "",
    }));
  if (service instanceof NtpServer)
    return reader(service.requests, ({ at, from }) => ({ at, text: `time from ${end(from)}`, content: "" }));
  if (service instanceof FtpServer)
    return both(
      reader(service.commands, ({ at, from, line }) => ({
        at,
        text: `${line} from ${end(from)}`,
        content: "",
      })),
      uploads(service.uploads),
    );
  if (service instanceof SmtpSink)
    return reader(service.mails, ({ at, sender, recipients, bytes }) => ({
      at,
      text: `mail from <${sender}> to ${recipients.map((each) => `<${each}>`).join(" ")}`,
      content: latin1(bytes),
    }));
  if (service instanceof TftpServer)
    return both(
      reader(service.transfers, ({ at, from, direction, file }) => ({
        at,
        text: `${direction} ${file} from ${end(from)}`,
        content: "",
      })),
      uploads(service.uploads),
    );
  if (service instanceof SyslogSink)
    return reader(service.entries, ({ at, from, protocol, bytes }) => ({
      at,
      text: `${protocol === "tcp" ? "bytes" : "datagram"} from ${end(from)}`,
      content: latin1(bytes),
    }));
  const small = [EchoService, DiscardService, DaytimeService, ChargenService].find(
    (kind) => service instanceof kind,
  );
  if (small === undefined) return undefined;
  return reader((service as EchoService).heard, ({ at, from, protocol, bytes }) => ({
    at,
    text: `${protocol === "tcp" ? "bytes" : "datagram"} from ${end(from)}`,
    content: latin1(bytes),
  }));
}

/** A line for people: what was asked, and the beginning of what came with it. */
export function showNews({ text, content }: ServiceNews): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is meant
  const line = text.replace(/[\x00-\x1f\x7f-\x9f]/g, "·");
  if (content === "") return line;
  const most = 160;
  return `${line}: ${JSON.stringify(content.slice(0, most))}${content.length > most ? "…" : ""}`;
}

type Reader = () => ServiceNews[];

const both =
  (one: Reader, other: Reader): Reader =>
  () => [...one(), ...other()];

const uploads = (journal: Journal<Upload>): Reader =>
  reader(journal, ({ at, from, path, bytes }) => ({
    at,
    text: `got ${path}, ${bytes.length} bytes from ${end(from)}`,
    content: latin1(bytes),
  }));

function reader<T>(journal: Journal<T>, tell: (entry: T) => ServiceNews): Reader {
  let seen = 0;
  return () => {
    const { entries, forgotten } = journal;
    const total = forgotten + entries.length;
    const fresh = Math.min(total - seen, entries.length);
    seen = total;
    return fresh === 0 ? [] : entries.slice(-fresh).map(tell);
  };
}

const end = showIpEndpoint;
