import type { InRow } from "../../base/index.ts";
import type { Attempt, Socket } from "../sockets.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import { Forward } from "./forward.ts";
import type { FailureReason, OutsideStream } from "./host.ts";
import type { TrafficCounters } from "./traffic.ts";
import type { Mark, Worker } from "./worker.ts";

/** What connections of either direction have in common: once both halves are there, bytes are carried between them. */
abstract class Connection implements Worker, InRow {
  marked = false;
  row: object | undefined = undefined;
  before: InRow | undefined = undefined;
  behind: InRow | undefined = undefined;
  protected readonly traffic: TrafficCounters;
  readonly #mark: Mark;
  #forward: Forward | undefined;

  constructor(traffic: TrafficCounters, mark: Mark) {
    this.traffic = traffic;
    this.#mark = mark;
  }

  work(): boolean {
    const forward = this.#forward;
    if (forward === undefined) return this.opening();
    const result = forward.pump();
    if (result === "again") this.#mark(this);
    if (result === "over") this.traffic.active--;
    return result !== "over";
  }

  abort(): void {
    if (this.#forward === undefined) this.giveUp();
    else {
      this.#forward.abort();
      this.traffic.active--;
    }
  }

  /** Looks whether the second half has come to be. */
  protected abstract opening(): boolean;
  /** Lets go of what there is before both halves are. */
  protected abstract giveUp(): void;

  protected opened(socket: Socket, stream: OutsideStream): boolean {
    this.#forward = new Forward(socket, stream, this.traffic);
    this.traffic.connections++;
    this.traffic.active++;
    return this.work();
  }

  protected failed(): false {
    this.traffic.failed++;
    return false;
  }
}

/** A connection from outside at a published port: it is there, and the guest is asked for its half. */
export class Inbound extends Connection {
  readonly #socket: Socket;
  readonly #stream: OutsideStream;
  readonly #guest: IpAddress;
  readonly #port: number;

  constructor(
    socket: Socket,
    stream: OutsideStream,
    guest: IpAddress,
    port: number,
    traffic: TrafficCounters,
    mark: Mark,
  ) {
    super(traffic, mark);
    this.#socket = socket;
    this.#stream = stream;
    this.#guest = guest;
    this.#port = port;
    socket.options.noDelay = true; // bytes have waited enough on their way here
    const changed = (): void => mark(this);
    socket.onChange = changed;
    stream.onChange = changed;
  }

  protected override opening(): boolean {
    if (this.#stream.state === "closed") {
      this.#socket.abort();
      return this.failed();
    }
    const answer = this.#socket.connect(this.#guest, this.#port);
    if (answer === "in-progress" || answer === "already") return true;
    if (answer === "connected") return this.opened(this.#socket, this.#stream);
    this.giveUp();
    return this.failed();
  }

  protected override giveUp(): void {
    this.#stream.reset();
    this.#socket.abort();
  }
}

/** A guest's wish for a connection: answered when it is known whether the outside host accepts it. */
export class Outbound extends Connection {
  readonly #attempt: Attempt;
  readonly #stream: OutsideStream;
  readonly #changed: () => void;

  constructor(attempt: Attempt, stream: OutsideStream, traffic: TrafficCounters, mark: Mark) {
    super(traffic, mark);
    this.#attempt = attempt;
    this.#stream = stream;
    this.#changed = () => mark(this);
    stream.onChange = this.#changed;
    mark(this); // an outside may know at once
  }

  protected override opening(): boolean {
    const { state, failure } = this.#stream;
    if (state === "closed") {
      answer(this.#attempt, failure?.reason ?? "failed");
      return this.failed();
    }
    if (state === "opening" && this.#attempt.pending) return true;
    const socket = state === "open" ? this.#attempt.accept() : undefined;
    if (socket === undefined) {
      this.#stream.reset(); // the guest has given up meanwhile
      return this.failed();
    }
    socket.options.noDelay = true;
    socket.onChange = this.#changed;
    return this.opened(socket, this.#stream);
  }

  protected override giveUp(): void {
    this.#stream.reset();
    this.#attempt.refuse();
  }
}

/** What the guest is told of what the gateway was told. */
const UNREACHABLE: Partial<Record<FailureReason, "network" | "host" | "prohibited">> = {
  "network-unreachable": "network",
  "host-unreachable": "host",
  "timed-out": "host",
  prohibited: "prohibited",
  denied: "prohibited",
};

function answer(attempt: Attempt, reason: FailureReason): void {
  const what = UNREACHABLE[reason];
  if (what === undefined) attempt.refuse();
  else attempt.unreachable(what);
}
