/** An FTP server (RFC 959, 1123 section 4.1, 2428, 3659) on files in memory. */
import { concat, FOREVER, type Micros, SECOND } from "../../base/index.ts";
import type { Endpoint, Reason, Socket } from "../sockets.ts";
import { showAddress } from "../wire/address.ts";
import { type IpAddress, parseIpAddress } from "../wire/ip-address.ts";
import { Calendar, ftpTime, MONTHS } from "./calendar.ts";
import { Journal } from "./journal.ts";
import { type ConnectionLimits, Service, type ServiceOptions, turn, type Worker } from "./service.ts";
import { LineTalk, type Stream, type Talk, utf8Of } from "./stream.ts";
import { fromNetascii } from "./tftp.ts";
import { nameOf, resolvePath, Tree, type Upload } from "./tree.ts";

export interface FtpOptions extends ServiceOptions, ConnectionLimits {
  /** The files; shared with whoever else has it. Default an empty tree. */
  files?: Tree;
  /** Name → password. Without it everybody may enter with any. */
  users?: Readonly<Record<string, string>>;
  /** Files may be changed. Default true. */
  writable?: boolean;
  calendar?: Calendar;
  /** Default 21. */
  port?: number;
}

/** One command, and what it was answered first. */
export interface FtpCommand {
  at: Micros;
  from: Endpoint;
  /** As it came; a password is written `***`. */
  line: string;
  /** 0 while it is not answered. */
  code: number;
}

/** How long the other side may take to make the data connection. */
const DATA_PATIENCE: Micros = 60 * SECOND;

export class FtpServer extends Service {
  readonly name = "FTP server";
  readonly files: Tree;
  readonly commands = new Journal<FtpCommand>();
  readonly uploads = new Journal<Upload>();
  readonly calendar: Calendar;
  readonly #options: FtpOptions;

  constructor(options: FtpOptions) {
    super(options.stack);
    this.#options = options;
    this.files = options.files ?? new Tree();
    this.calendar = options.calendar ?? new Calendar();
    if (options.on !== false) this.start();
  }

  protected open(): void {
    this.serveTcp(this.#options.port ?? 21, (stream) => new FtpTalk(stream, this), this.#options);
  }

  get writable(): boolean {
    return this.#options.writable ?? true;
  }

  get moment(): Micros {
    return this.now;
  }

  admits(user: string, password: string): boolean {
    const { users } = this.#options;
    return users === undefined || (Object.hasOwn(users, user) && users[user] === password);
  }

  /** Lets `talk` speak over a data connection. */
  transfer(socket: Socket, talk: (stream: Stream) => Talk): Stream {
    return this.converse(socket, talk);
  }
}

/** Where the next data connection is to come from. */
type Route = { kind: "active"; to: Endpoint } | { kind: "passive"; listener: Socket };

/** What a data connection is for. */
interface Errand {
  /** Sent to the client; undefined = it is received. */
  bytes: Uint8Array | undefined;
  store?: (bytes: Uint8Array) => string | undefined;
}

class FtpTalk extends LineTalk {
  readonly #server: FtpServer;
  readonly #worker: Worker;
  #user = "";
  #entered = false;
  #folder = "/";
  #ascii = true;
  #restart = 0;
  #renaming: string | undefined;
  #route: Route | undefined;
  /** EPSV ALL was said: no other command may open data connections (RFC 2428 section 4). */
  #onlyExtended = false;
  #errand: Errand | undefined;
  #data: Stream | undefined;
  #limit: Micros = FOREVER;
  #command: FtpCommand | undefined;

  constructor(stream: Stream, server: FtpServer) {
    super(stream);
    this.#server = server;
    this.#worker = turn((now) => this.#wait(now));
  }

  begin(): void {
    this.#say(220, "kolibri-emu FTP server");
  }

  idle(): void {
    if (this.#errand) return; // a long transfer is no silence
    this.#say(421, "Nothing was said for too long");
    this.stream.end();
  }

  over(): void {
    this.#drop();
  }

  #say(code: number, text: string): void {
    if (this.#command?.code === 0) this.#command.code = code;
    this.stream.write(new TextEncoder().encode(`${code} ${text}\r\n`));
  }

  protected tooLong(): void {
    this.#say(500, "Line too long");
  }

  protected override hungUp(): void {
    if (this.#errand === undefined) this.stream.end();
  }

  protected line(text: string): boolean {
    // Telnet's interrupt and synch may stand before ABOR (RFC 959 4.1.3).
    const line = text.replace(/^[\xf0-\xff]+/, "");
    const [, word = "", rest = ""] = /^(\S*) ?(.*)$/s.exec(line) ?? [];
    const verb = word.toUpperCase();
    // One thing at a time, except for ABOR and STAT.
    if (this.#errand && verb !== "ABOR" && verb !== "STAT") return false;
    const kept = verb === "PASS" ? "PASS ***" : utf8Of(line);
    this.#command = { at: this.#server.moment, from: this.stream.remote, line: kept, code: 0 };
    this.#server.commands.add(this.#command, line.length);
    this.#obey(verb, utf8Of(rest));
    return true;
  }

  #obey(verb: string, rest: string): void {
    const open = OPEN[verb];
    const inside = INSIDE[verb];
    if (open) open(this, rest);
    else if (inside === undefined) this.#say(NOT_DONE.has(verb) ? 502 : 500, "Unknown command");
    else if (!this.#entered) this.#say(530, "Log in first");
    else if (CHANGING.has(verb) && !this.#server.writable) this.#say(550, "Nothing may be changed here");
    else inside(this, rest);
    if (verb !== "RNFR") this.#renaming = undefined;
    if (/^(RETR|STOR|APPE)$/.test(verb)) this.#restart = 0;
  }

  // --- who ---------------------------------------------------------------------------------------------------------

  user(name: string): void {
    this.#user = name;
    this.#entered = false;
    this.#say(331, "Password, please");
  }

  pass(password: string): void {
    if (this.#user === "") {
      this.#say(503, "USER comes first");
      return;
    }
    this.#entered = this.#server.admits(this.#user, password);
    if (this.#entered) this.#say(230, "Welcome");
    else this.#say(530, "Not so");
  }

  quit(): void {
    this.#say(221, "Good-bye");
    this.stream.end();
  }

  reply(code: number, text: string): void {
    this.#say(code, text);
  }

  features(): void {
    this.stream.write("211-Features\r\n");
    for (const feature of ["EPSV", "EPRT", "MDTM", "SIZE", "REST STREAM", "UTF8"])
      this.stream.write(` ${feature}\r\n`);
    this.#say(211, "End");
  }

  // --- folders and files -------------------------------------------------------------------------------------------

  #path(name: string): string {
    return resolvePath(name, this.#folder);
  }

  here(): void {
    this.#say(257, `"${this.#folder.replaceAll('"', '""')}"`);
  }

  go(name: string): void {
    const path = this.#path(name);
    if (!this.#server.files.isFolder(path)) {
      this.#say(550, "No such folder");
      return;
    }
    this.#folder = path;
    this.#say(250, "Done");
  }

  type(word: string): void {
    const kind = word.toUpperCase();
    if (!/^(A( N)?|I|L 8)$/.test(kind)) {
      this.#say(504, "Types A and I");
      return;
    }
    this.#ascii = kind.startsWith("A");
    this.#say(200, `Type ${this.#ascii ? "A" : "I"}`);
  }

  size(name: string): void {
    const file = this.#server.files.file(this.#path(name));
    if (file === undefined) this.#say(550, "No such file");
    else this.#say(213, String(this.#ascii ? toCrlf(file.bytes).length : file.bytes.length)); // RFC 3659 4: as it would be sent
  }

  modified(name: string): void {
    const file = this.#server.files.file(this.#path(name));
    if (file === undefined) this.#say(550, "No such file");
    else this.#say(213, ftpTime(this.#server.calendar.date(file.modified)));
  }

  #done(reason: string | undefined): void {
    if (reason) this.#say(550, reason);
    else this.#say(250, "Done");
  }

  remove(name: string): void {
    this.#done(this.#server.files.remove(this.#path(name)));
  }

  makeFolder(name: string): void {
    const path = this.#path(name);
    const reason = this.#server.files.makeFolder(path);
    if (reason) this.#say(550, reason);
    else this.#say(257, `"${path.replaceAll('"', '""')}" made`);
  }

  removeFolder(name: string): void {
    this.#done(this.#server.files.removeFolder(this.#path(name)));
  }

  renameFrom(name: string): void {
    const path = this.#path(name);
    const { files } = this.#server;
    if (files.file(path) === undefined && !files.isFolder(path)) {
      this.#say(550, "No such file");
      return;
    }
    this.#renaming = path;
    this.#say(350, "To what?");
  }

  renameTo(name: string): void {
    if (this.#renaming === undefined) this.#say(503, "RNFR comes first");
    else this.#done(this.#server.files.rename(this.#renaming, this.#path(name)));
  }

  // --- the data connection -----------------------------------------------------------------------------------------

  #refuses(extended: boolean): boolean {
    if (this.#onlyExtended && !extended) this.#say(501, "EPSV ALL was said");
    return this.#onlyExtended && !extended;
  }

  passive(extended: boolean, rest: string): void {
    if (extended && rest.toUpperCase() === "ALL") {
      this.#onlyExtended = true;
      this.#say(200, "As you wish");
      return;
    }
    if (this.#refuses(extended)) return;
    const { address } = this.stream.local;
    if (extended && rest !== "" && rest !== protocolOf(address)) {
      this.#say(522, `Use (${protocolOf(address)})`); // RFC 2428 section 3: what the control connection has
      return;
    }
    this.#drop();
    const listener = this.#server.stack.sockets.stream();
    if (listener.bind(address, 0) || listener.listen(1)) {
      listener.close();
      this.#say(425, "No port is free");
      return;
    }
    listener.onChange = () => this.#server.touch(this.#worker);
    this.#route = { kind: "passive", listener };
    const { port } = listener.local;
    // 227 can tell no other address (RFC 2428 section 1).
    if (extended || typeof address !== "number")
      this.#say(229, `Entering Extended Passive Mode (|||${port}|)`);
    else {
      const place = [...showAddress(address).split("."), port >> 8, port & 255].join(",");
      this.#say(227, `Entering Passive Mode (${place})`);
    }
  }

  active(extended: boolean, rest: string): void {
    if (this.#refuses(extended)) return;
    const to = extended ? parseExtended(rest) : parsePort(rest);
    const protocol = protocolOf(this.stream.remote.address);
    if (to === "protocol" || (to && protocolOf(to.address) !== protocol)) {
      this.#say(522, `Use (${protocol})`);
    } else if (to === undefined) {
      this.#say(501, "No such place");
    } else if (to.address !== this.stream.remote.address || to.port < 1024) {
      this.#say(504, "Only to yourself, and to no port below 1024"); // RFC 2577 section 3: no bounce attacks
    } else {
      this.#drop();
      this.#route = { kind: "active", to };
      this.#say(200, "Done");
    }
  }

  list(rest: string, namesOnly: boolean): void {
    const path = this.#path(rest.replace(/^-\S+ ?/, "")); // options as of `ls` are often sent
    const { files } = this.#server;
    const file = files.file(path);
    const names = file ? [nameOf(path)] : files.list(path);
    if (names === undefined) {
      this.#say(550, "No such folder");
      return;
    }
    const folder = file ? resolvePath("..", path) : path;
    const lines = names.map((name) => (namesOnly ? name.replace(/\/$/, "") : this.#long(folder, name)));
    const text = lines.map((line) => `${line}\r\n`).join("");
    this.#begin({ bytes: new TextEncoder().encode(text) });
  }

  /** As `ls -l` prints it: no RFC says how, and all clients can read this. */
  #long(folder: string, name: string): string {
    const file = this.#server.files.file(resolvePath(name, folder));
    const date = this.#server.calendar.date(file?.modified ?? 0);
    const month = MONTHS[date.getUTCMonth()]!.slice(0, 3);
    const day = `${month} ${String(date.getUTCDate()).padStart(2)}  ${date.getUTCFullYear()}`;
    const size = String(file?.bytes.length ?? 0).padStart(10);
    return `${file ? "-rw-r--r--" : "drwxr-xr-x"} 1 ftp ftp ${size} ${day} ${name.replace(/\/$/, "")}`;
  }

  retrieve(name: string): void {
    const file = this.#server.files.file(this.#path(name));
    if (file === undefined) {
      this.#say(550, "No such file");
      return;
    }
    const bytes = this.#ascii ? toCrlf(file.bytes) : file.bytes;
    this.#begin({ bytes: bytes.subarray(this.#restart) });
  }

  store(name: string, append: boolean): void {
    const path = this.#path(name);
    const { files } = this.#server;
    const reason = files.objection(path);
    if (reason) {
      this.#say(553, reason);
      return;
    }
    const ascii = this.#ascii;
    const before = files.file(path)?.bytes ?? new Uint8Array(0);
    const head = append ? before : before.subarray(0, this.#restart);
    const store = (sent: Uint8Array): string | undefined => {
      const bytes = ascii ? fromNetascii(sent) : sent;
      const at = this.#server.moment;
      const failed = files.write(path, concat([head, bytes]), at);
      if (!failed) this.#server.uploads.add({ at, from: this.stream.remote, path, bytes }, bytes.length);
      return failed;
    };
    this.#begin({ bytes: undefined, store });
  }

  restart(rest: string): void {
    if (!/^\d{1,15}$/.test(rest)) {
      this.#say(501, "A number of bytes");
      return;
    }
    this.#restart = Number(rest);
    this.#say(350, "From there on");
  }

  #begin(errand: Errand): void {
    if (this.#route === undefined) {
      this.#say(425, "PASV, EPSV, PORT or EPRT comes first");
      return;
    }
    this.#errand = errand;
    this.#limit = this.#server.moment + DATA_PATIENCE;
    this.#say(150, "The data connection follows");
    if (this.#route.kind === "active") {
      const socket = this.#server.stack.sockets.stream();
      const { address, port } = this.#route.to;
      this.#route = undefined;
      const reason = socket.connect(address, port);
      if (reason === "in-progress") this.#carry(socket, errand);
      else this.#finish(425, `No data connection: ${reason}`);
      return;
    }
    this.#server.touch(this.#worker);
    this.#server.wake(this.#worker, this.#limit);
  }

  /** For the client to connect to the passive port. */
  #wait(now: Micros): void {
    const { listener } = this.#route?.kind === "passive" ? this.#route : {};
    if (this.#errand === undefined || this.#data || listener === undefined) return;
    const socket = listener.accept();
    if (typeof socket !== "string" && socket.remote?.address !== this.stream.remote.address) {
      socket.abort(); // RFC 2577 section 5: somebody else was faster
      this.#server.touch(this.#worker);
    } else if (typeof socket !== "string") {
      listener.close();
      this.#route = undefined;
      this.#server.wake(this.#worker, FOREVER);
      this.#carry(socket, this.#errand);
    } else if (now >= this.#limit) {
      this.#finish(425, "No data connection came");
    }
  }

  #carry(socket: Socket, errand: Errand): void {
    const parts: Uint8Array[] = [];
    let length = 0;
    let stands = false;
    let code = 226;
    let text = "Done";
    this.#data = this.#server.transfer(socket, (stream) => ({
      begin: () => {
        stands = true;
        if (errand.bytes === undefined) return;
        stream.write(errand.bytes);
        stream.end();
      },
      data: (bytes, ended) => {
        if (errand.bytes !== undefined) return bytes.length;
        if (bytes.length > 0) parts.push(bytes.slice());
        length += bytes.length;
        if (length > this.#server.files.capacity) {
          [code, text] = [552, "No room"];
          stream.end();
        } else if (ended) {
          const reason = errand.store?.(concat(parts));
          if (reason) [code, text] = [552, reason];
          stream.end();
        }
        return bytes.length;
      },
      over: (reason: Reason | undefined) => {
        if (this.#errand !== errand) return;
        if (reason) this.#finish(stands ? 426 : 425, `Data connection lost: ${reason}`);
        else this.#finish(code, text);
      },
    }));
  }

  abort(): void {
    if (this.#errand) {
      const data = this.#data;
      this.#finish(426, "Given up");
      data?.abort();
    }
    this.#drop();
    this.#say(226, "Nothing is under way");
  }

  #finish(code: number, text: string): void {
    this.#drop();
    this.#say(code, text);
    this.stream.touch(); // commands may wait
  }

  /** Forgets what concerns a data connection. */
  #drop(): void {
    const data = this.#data;
    this.#errand = undefined;
    this.#data = undefined;
    if (this.#route?.kind === "passive") this.#route.listener.close();
    this.#route = undefined;
    this.#server.wake(this.#worker, FOREVER);
    if (data && !data.ending) data.abort();
  }
}

type Deed = (talk: FtpTalk, rest: string) => void;

/** Commands for everybody. */
const OPEN: Record<string, Deed | undefined> = {
  USER: (talk, rest) => talk.user(rest),
  PASS: (talk, rest) => talk.pass(rest),
  QUIT: (talk) => talk.quit(),
  SYST: (talk) => talk.reply(215, "UNIX Type: L8"),
  FEAT: (talk) => talk.features(),
  NOOP: (talk) => talk.reply(200, "Done"),
  HELP: (talk) => talk.reply(214, "RFC 959"),
  OPTS: (talk, rest) =>
    /^UTF8 ON$/i.test(rest) ? talk.reply(200, "Always") : talk.reply(501, "No such option"),
};

/** Commands for those who have logged in. */
const INSIDE: Record<string, Deed | undefined> = {
  PWD: (talk) => talk.here(),
  XPWD: (talk) => talk.here(),
  CWD: (talk, rest) => talk.go(rest),
  CDUP: (talk) => talk.go(".."),
  TYPE: (talk, rest) => talk.type(rest),
  MODE: (talk, rest) => (/^S$/i.test(rest) ? talk.reply(200, "Stream") : talk.reply(504, "Only mode S")),
  STRU: (talk, rest) => (/^F$/i.test(rest) ? talk.reply(200, "File") : talk.reply(504, "Only structure F")),
  PASV: (talk) => talk.passive(false, ""),
  EPSV: (talk, rest) => talk.passive(true, rest),
  PORT: (talk, rest) => talk.active(false, rest),
  EPRT: (talk, rest) => talk.active(true, rest),
  LIST: (talk, rest) => talk.list(rest, false),
  NLST: (talk, rest) => talk.list(rest, true),
  RETR: (talk, rest) => talk.retrieve(rest),
  STOR: (talk, rest) => talk.store(rest, false),
  APPE: (talk, rest) => talk.store(rest, true),
  REST: (talk, rest) => talk.restart(rest),
  SIZE: (talk, rest) => talk.size(rest),
  MDTM: (talk, rest) => talk.modified(rest),
  DELE: (talk, rest) => talk.remove(rest),
  MKD: (talk, rest) => talk.makeFolder(rest),
  XMKD: (talk, rest) => talk.makeFolder(rest),
  RMD: (talk, rest) => talk.removeFolder(rest),
  XRMD: (talk, rest) => talk.removeFolder(rest),
  RNFR: (talk, rest) => talk.renameFrom(rest),
  RNTO: (talk, rest) => talk.renameTo(rest),
  ABOR: (talk) => talk.abort(),
  STAT: (talk) => talk.reply(211, "At your service"),
  ALLO: (talk) => talk.reply(202, "Not needed here"),
};

const CHANGING = new Set(["STOR", "APPE", "DELE", "MKD", "XMKD", "RMD", "XRMD", "RNFR", "RNTO"]);
/** RFC 959 commands that are understood and not done. */
const NOT_DONE = new Set(["ACCT", "SMNT", "REIN", "STOU", "SITE"]);

/** `10,0,2,15,4,1` */
function parsePort(text: string): Endpoint | undefined {
  const numbers = text.split(",").map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  if (numbers.length !== 6 || numbers.some((value) => value > 255)) return undefined;
  const [a, b, c, d, high, low] = numbers as [number, number, number, number, number, number];
  return { address: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0, port: high * 256 + low };
}

/** `|1|10.0.2.15|1025|` (RFC 2428 section 2) */
function parseExtended(text: string): Endpoint | "protocol" | undefined {
  const [, , protocol, host, port] = /^([!-~])(\d)\1([^|]+)\1(\d{1,5})\1$/.exec(text) ?? [];
  if (protocol === undefined) return undefined;
  if (protocol !== "1" && protocol !== "2") return "protocol";
  const address = parseIpAddress(host!);
  if (address === undefined || protocolOf(address) !== protocol || Number(port) > 65535) return undefined;
  return { address, port: Number(port) };
}

/** RFC 2428 section 2: 1 is IPv4, 2 is IPv6. */
const protocolOf = (address: IpAddress): string => (typeof address === "number" ? "1" : "2");

const CR = 13;
const LF = 10;

/** Lines as they go over the wire in type A; those that end with CR LF already stay. */
function toCrlf(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (const [index, byte] of bytes.entries()) {
    if (byte === LF && bytes[index - 1] !== CR) out.push(CR);
    out.push(byte);
  }
  return Uint8Array.from(out);
}
