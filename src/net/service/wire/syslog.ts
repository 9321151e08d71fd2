/** Syslog messages: RFC 5424, and what RFC 3164 found in use before it. */
import { latin1 } from "../../../base/index.ts";

export interface Syslog {
  /** 0 … 23 */
  facility: number;
  /** 0 emergency … 7 debug */
  severity: number;
  /** 1 for RFC 5424; 0 for the older form. */
  version: number;
  /** As it stands there; "" when there is none. */
  timestamp: string;
  host: string;
  application: string;
  process: string;
  messageId: string;
  /** RFC 5424 6.3, as it stands there; "" when there is none. */
  structured: string;
  /** One character a byte. */
  message: string;
}

export type SyslogReason = "priority" | "header" | "structured data";

const PRIORITY = /^<(0|[1-9]\d{0,2})>/;
const OLD_TIME = /^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (\S+) /;
const HEADER = /^1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) /;
/** Elements in brackets; within quotes `"`, `\` and `]` are escaped. */
const STRUCTURED = /^(-|(?:\[[^\s=\]"]+(?: [^\s=\]"]+="(?:\\[\s\S]|[^"\\\]])*")*\])+)(?: |$)/;

export function check(bytes: Uint8Array): SyslogReason | undefined {
  const result = parse(bytes);
  return typeof result === "string" ? result : undefined;
}

export function read(bytes: Uint8Array): Syslog {
  const result = parse(bytes);
  if (typeof result === "string") throw new RangeError(`not a syslog message: ${result}`);
  return result;
}

export function parse(bytes: Uint8Array): Syslog | SyslogReason {
  const text = latin1(bytes);
  const [start, digits] = PRIORITY.exec(text) ?? [];
  const priority = Number(digits);
  if (start === undefined || priority > 191) return "priority";
  const code = { facility: priority >> 3, severity: priority & 7 };
  const rest = text.slice(start.length);
  return rest.startsWith("1 ") ? parseNew(rest, code) : parseOld(rest, code);
}

function parseNew(rest: string, code: { facility: number; severity: number }): Syslog | SyslogReason {
  const [header, ...fields] = HEADER.exec(rest) ?? [];
  if (header === undefined) return "header";
  const [timestamp, host, application, process, messageId] = fields.map((field) =>
    field === "-" ? "" : field,
  );
  const body = rest.slice(header.length);
  const [data, elements] = STRUCTURED.exec(body) ?? [];
  if (data === undefined) return "structured data";
  return {
    ...code,
    version: 1,
    timestamp: timestamp!,
    host: host!,
    application: application!,
    process: process!,
    messageId: messageId!,
    structured: elements === "-" ? "" : elements!,
    message: body.slice(data.length).replace(/^\xef\xbb\xbf/, ""), // a mark that says UTF-8
  };
}

/** RFC 3164 section 4.1 leaves everything open: without time and host all of it is the message. */
function parseOld(rest: string, code: { facility: number; severity: number }): Syslog {
  const [header = "", timestamp = "", host = ""] = OLD_TIME.exec(rest) ?? [];
  const body = rest.slice(header.length);
  // 4.1.3: a tag of at most 32 alphanumeric characters, then perhaps the process in brackets.
  const [tag = "", application = "", process = ""] =
    /^([\w./-]{1,32})(?:\[([^\]]*)\])?: ?/.exec(header ? body : "") ?? [];
  return {
    ...code,
    version: 0,
    timestamp,
    host,
    application,
    process,
    messageId: "",
    structured: "",
    message: body.slice(tag.length),
  };
}

const SEVERITIES = ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"];

export function show(bytes: Uint8Array): string {
  const result = parse(bytes);
  if (typeof result === "string") return `syslog ${bytes.length} bytes (bad: ${result})`;
  const { facility, severity, host, application, message } = result;
  const from = [host, application].filter((part) => part !== "").join(" ");
  return `syslog ${facility}.${SEVERITIES[severity]}${from ? ` ${from}` : ""}: ${message}`;
}
