/** A TFTP server (RFC 1350) with blksize (RFC 2348), timeout and tsize (RFC 2349), on files in memory. */

import { concat, FOREVER, type Micros, SECOND } from "../../base/index.ts";
import type { Endpoint, Socket } from "../sockets.ts";
import { ANY6 } from "../wire/address6.ts";
import { Journal } from "./journal.ts";
import { Service, type ServiceOptions, type Worker } from "./service.ts";
import { resolvePath, Tree, type Upload } from "./tree.ts";
import { ErrorCode, lengthOf, Opcode, parse, type Tftp, type TftpOptions, write } from "./wire/tftp.ts";

export interface TftpServerOptions extends ServiceOptions {
  /** The files; shared with whoever else has it. Default an empty tree. */
  files?: Tree;
  /** Files may be written. Default true. */
  writable?: boolean;
  /** Default 69. */
  port?: number;
}

export interface TftpTransfer {
  at: Micros;
  from: Endpoint;
  direction: "read" | "write";
  file: string;
  mode: string;
  /** What the client asked for beside the file. */
  options: TftpOptions;
  /** "running", "done", or why it ended. */
  end: string;
  bytes: number;
}

const PORT = 69;
const DEFAULT_BLOCK = 512;
const LARGEST_BLOCK = 65464;
const TIMEOUT: Micros = SECOND;
const TRIES = 6;
const MOST_TRANSFERS = 64;

export class TftpServer extends Service {
  readonly name = "TFTP server";
  readonly files: Tree;
  readonly transfers = new Journal<TftpTransfer>();
  readonly uploads = new Journal<Upload>();
  readonly #options: TftpServerOptions;
  readonly #running = new Set<Transfer>();

  constructor(options: TftpServerOptions) {
    super(options.stack);
    this.#options = options;
    this.files = options.files ?? new Tree();
    if (options.on !== false) this.start();
  }

  protected open(): void {
    this.serveUdp(this.#options.port ?? PORT, ({ payload, from }, socket) => {
      const request = parse(payload);
      if (typeof request === "string" || (request.opcode !== Opcode.RRQ && request.opcode !== Opcode.WRQ))
        return;
      // RFC 1350 section 4: a duplicate of a request under way is ignored.
      for (const each of this.#running)
        if (each.peer.address === from.address && each.peer.port === from.port) return;
      const reason = this.#objection(request);
      if (reason) {
        const refusal: Tftp = { opcode: Opcode.ERROR, code: reason[0], message: reason[1] };
        socket.send(bytesOfTftp(refusal), from);
        this.#record(request, from).end = reason[1];
        return;
      }
      const transfer = this.stack.sockets.datagram();
      transfer.bind(ANY6, 0); // section 4: each transfer has a port of its own
      const record = this.#record(request, from);
      const running = new Transfer(this, transfer, request, record, (gone) => this.#running.delete(gone));
      this.#running.add(running);
      running.begin();
    });
  }

  protected override closed(): void {
    for (const transfer of [...this.#running]) transfer.finish("switched off");
  }

  get moment(): Micros {
    return this.now;
  }

  #record({ opcode, file, mode, options }: Request, from: Endpoint): TftpTransfer {
    const direction = opcode === Opcode.RRQ ? "read" : "write";
    const record: TftpTransfer = {
      at: this.now,
      from,
      direction,
      file,
      mode,
      options,
      end: "running",
      bytes: 0,
    };
    this.transfers.add(record, file.length);
    return record;
  }

  #objection({ opcode, file, mode }: Request): [number, string] | undefined {
    const path = resolvePath(file);
    if (this.#running.size >= MOST_TRANSFERS) return [ErrorCode.UNDEFINED, "too many transfers"];
    if (mode !== "octet" && mode !== "netascii") return [ErrorCode.ILLEGAL, `mode ${mode}`];
    if (opcode === Opcode.RRQ) {
      return this.files.file(path) ? undefined : [ErrorCode.NOT_FOUND, "file not found"];
    }
    if (this.#options.writable === false) return [ErrorCode.ACCESS, "files cannot be written"];
    const reason = this.files.objection(path);
    return reason && [ErrorCode.ACCESS, reason];
  }
}

type Request = Extract<Tftp, { file: string }>;

/** One file on its way: lock-step, the last packet sent again until it is answered (RFC 1350 section 2). */
class Transfer implements Worker {
  due: Micros = FOREVER;
  slot = -1;
  readonly peer: Endpoint;
  readonly #server: TftpServer;
  readonly #socket: Socket;
  readonly #request: Request;
  readonly #record: TftpTransfer;
  readonly #gone: (transfer: Transfer) => void;
  readonly #parts: Uint8Array[] = [];
  readonly #content: Uint8Array;
  #blockSize = DEFAULT_BLOCK;
  #timeout: Micros = TIMEOUT;
  /** Blocks that were acknowledged (reading) or received (writing), not cut to 16 bits. */
  #blocks = 0;
  #started = false;
  #complete = false;
  #last: Uint8Array = new Uint8Array(0);
  #tries = 0;
  #over = false;
  #limit: Micros = FOREVER;

  constructor(
    server: TftpServer,
    socket: Socket,
    request: Request,
    record: TftpTransfer,
    gone: (transfer: Transfer) => void,
  ) {
    this.#server = server;
    this.#socket = socket;
    this.#request = request;
    this.#record = record;
    this.#gone = gone;
    this.peer = record.from;
    const bytes = server.files.file(resolvePath(request.file))?.bytes ?? new Uint8Array(0);
    this.#content = request.mode === "netascii" ? toNetascii(bytes) : bytes;
    socket.onChange = () => server.touch(this);
  }

  begin(): void {
    const accepted = this.#accept();
    if (this.#over) return;
    if (accepted.size > 0) this.#send({ opcode: Opcode.OACK, options: accepted });
    else if (this.#isRead) this.#sendBlock();
    else this.#send({ opcode: Opcode.ACK, block: 0 });
  }

  get #isRead(): boolean {
    return this.#request.opcode === Opcode.RRQ;
  }

  /** RFC 2347: options that are not known or make no sense are not mentioned again. */
  #accept(): Map<string, string> {
    const accepted = new Map<string, string>();
    for (const [name, text] of this.#request.options) {
      const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
      if (name === "blksize" && value >= 8) {
        this.#blockSize = Math.min(value, LARGEST_BLOCK);
        accepted.set(name, String(this.#blockSize));
      } else if (name === "timeout" && value >= 1 && value <= 255) {
        this.#timeout = value * SECOND;
        accepted.set(name, text);
      } else if (name === "tsize" && value >= 0) {
        accepted.set(name, this.#isRead ? String(this.#content.length) : text);
        if (!this.#isRead && value > this.#server.files.free) this.#fail(ErrorCode.FULL, "no room");
      }
    }
    return accepted;
  }

  work(now: Micros): void {
    for (;;) {
      if (this.#over) return;
      const datagram = this.#socket.receiveDatagram();
      if (datagram === "would-block") break;
      if (typeof datagram === "string") {
        this.finish(datagram);
        return;
      }
      const { address, port } = datagram.from;
      if (address !== this.peer.address || port !== this.peer.port) {
        // Section 4: who is not part of the transfer is told, and the transfer goes on.
        const stranger: Tftp = {
          opcode: Opcode.ERROR,
          code: ErrorCode.UNKNOWN_ID,
          message: "unknown transfer",
        };
        this.#socket.send(bytesOfTftp(stranger), datagram.from);
        continue;
      }
      const packet = parse(datagram.payload);
      if (typeof packet === "string") this.#fail(ErrorCode.ILLEGAL, packet);
      else this.#take(packet);
    }
    if (now < this.#limit) return;
    if (this.#complete) this.finish("done");
    else if (++this.#tries >= TRIES) this.finish("no answer");
    else this.#again();
  }

  #take(packet: Tftp): void {
    if (packet.opcode === Opcode.ERROR) this.finish(`error ${packet.code}: ${packet.message}`);
    else if (this.#isRead && packet.opcode === Opcode.ACK) this.#acknowledged(packet.block);
    else if (!this.#isRead && packet.opcode === Opcode.DATA) this.#received(packet.block, packet.data);
    else this.#fail(ErrorCode.ILLEGAL, "not expected");
  }

  #acknowledged(block: number): void {
    if (!this.#started) {
      // The answer to the options is block 0.
      if (block === 0 && this.#blocks === 0) this.#sendBlock();
      return;
    }
    // A late acknowledgement is ignored, else every packet from there on would be sent twice.
    if (block !== ((this.#blocks + 1) & 0xffff)) return;
    const end = (this.#blocks + 1) * this.#blockSize;
    this.#blocks++;
    this.#record.bytes = Math.min(end, this.#content.length);
    if (end > this.#content.length) this.finish("done");
    else this.#sendBlock();
  }

  #sendBlock(): void {
    this.#started = true;
    const start = this.#blocks * this.#blockSize;
    const data = this.#content.subarray(start, start + this.#blockSize);
    this.#send({ opcode: Opcode.DATA, block: (this.#blocks + 1) & 0xffff, data });
  }

  #received(block: number, data: Uint8Array): void {
    if (block === (this.#blocks & 0xffff) && this.#blocks > 0) {
      this.#again(); // our acknowledgement was lost
      return;
    }
    if (this.#complete || block !== ((this.#blocks + 1) & 0xffff)) return;
    if (data.length > this.#blockSize) {
      this.#fail(ErrorCode.ILLEGAL, "block too long");
      return;
    }
    if (this.#record.bytes + data.length > this.#server.files.free) {
      this.#fail(ErrorCode.FULL, "no room");
      return;
    }
    this.#blocks++;
    this.#parts.push(data);
    this.#record.bytes += data.length;
    if (data.length < this.#blockSize) this.#store();
    if (!this.#over) this.#send({ opcode: Opcode.ACK, block });
  }

  /** The whole file is there. The transfer stays a while, should the last acknowledgement get lost (section 6). */
  #store(): void {
    const whole = concat(this.#parts);
    const bytes = this.#request.mode === "netascii" ? fromNetascii(whole) : whole;
    const path = resolvePath(this.#request.file);
    const at = this.#server.moment;
    const reason = this.#server.files.write(path, bytes, at);
    if (reason) {
      this.#fail(ErrorCode.FULL, reason);
      return;
    }
    this.#server.uploads.add({ at, from: this.peer, path, bytes }, bytes.length);
    this.#complete = true;
    this.#record.end = "done";
  }

  #send(packet: Tftp): void {
    this.#last = bytesOfTftp(packet);
    this.#tries = 0;
    this.#again();
  }

  #again(): void {
    this.#socket.send(this.#last, this.peer);
    this.#limit = this.#server.moment + this.#timeout;
    this.#server.wake(this, this.#limit);
  }

  #fail(code: number, message: string): void {
    this.#socket.send(bytesOfTftp({ opcode: Opcode.ERROR, code, message }), this.peer);
    this.finish(message);
  }

  finish(end: string): void {
    if (this.#over) return;
    this.#over = true;
    if (!this.#complete) this.#record.end = end;
    this.#server.wake(this, FOREVER);
    this.#socket.close();
    this.#gone(this);
  }
}

function bytesOfTftp(packet: Tftp): Uint8Array {
  const bytes = new Uint8Array(lengthOf(packet));
  write(packet, bytes);
  return bytes;
}

const CR = 13;
const LF = 10;

/** RFC 764, as RFC 1350 section 1 wants it: a line ends with CR LF, a lone CR is followed by a zero byte. */
export function toNetascii(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (const byte of bytes) {
    if (byte === LF) out.push(CR, LF);
    else if (byte === CR) out.push(CR, 0);
    else out.push(byte);
  }
  return Uint8Array.from(out);
}

export function fromNetascii(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let index = 0; index < bytes.length; index++) {
    const next = bytes[index + 1];
    if (bytes[index] === CR && (next === LF || next === 0)) {
      out.push(next === LF ? LF : CR);
      index++;
    } else {
      out.push(bytes[index]!);
    }
  }
  return Uint8Array.from(out);
}
