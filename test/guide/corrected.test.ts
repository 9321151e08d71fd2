import { describe, expect, test } from "vitest";
import { type CallOptions, type CallResult, SECOND, showAddress } from "../../src/index.ts";
import { parseAddress } from "../../src/net/index.ts";
import { type Given, type GivenSocket, PAGE, PEER, type Position, position } from "./position.ts";
import { corrections, guideImage } from "./programs.ts";

/**
 * For every correction: with all applied the routine does what the guide intends, and without this one it does not.
 * What is intended stands in each demonstration by hand; what is observed comes from the machine.
 */
interface Demonstration {
  readonly intent: string;
  /** The corrections without which this is not what happens. */
  readonly needs: readonly string[];
  readonly act: (stage: StageFor) => unknown;
  readonly intended: unknown;
}

/** A computer with the listings in the position that a demonstration starts from. */
class Stage {
  readonly #position: Position;

  constructor(position: Position) {
    this.#position = position;
  }

  get computer() {
    return this.#position.computer;
  }

  get peer() {
    return this.#position.peer;
  }

  /** The peer's end of the computer's first connection. */
  get end() {
    return this.#position.ends[0]!;
  }

  block(index: number): number {
    return this.#position.blocks[index]!;
  }

  at(symbol: string): number {
    return this.computer.address(symbol);
  }

  /** The dword at an address, or at a symbol with an offset. */
  dword(place: string | number, offset = 0): number {
    const address = (typeof place === "number" ? place : this.at(place)) + offset;
    const value = this.computer.memory.u32(address);
    if (value === undefined) throw new Error(`nothing at 0x${address.toString(16)}`);
    return value;
  }

  /** A field of a record: `field(slot, "socket_info.state")`. */
  field(record: number, name: string): number {
    return this.dword(record, this.at(name));
  }

  bytes(address: number, length: number): Uint8Array {
    return this.computer.memory.read(address, length)!;
  }

  set(place: string | number, value: number): void {
    this.computer.memory.set32(typeof place === "number" ? place : this.at(place), value);
  }

  setField(record: number, name: string, value: number): void {
    this.set(record + this.at(name), value);
  }

  /** Limits that no demonstration comes near when it goes well: half a minute, ten million instructions. */
  call(routine: string, args: number[] = [], options: CallOptions = {}): CallResult {
    return this.computer.call(routine, args, { timeout: 30 * SECOND, maxInstructions: 1e7, ...options });
  }

  /** A call and how it ended, for those whose result does not matter. */
  outcome(routine: string, args: number[] = [], options: CallOptions = {}) {
    const { stop, eax, stackBalance } = this.call(routine, args, options);
    return { ended: stop.reason, eax, stackBalance };
  }

  /** Numbers of the sockets that the program has open. */
  get open(): number[] {
    return [...this.computer.process.sockets.values()].map(({ number }) => number);
  }

  /** Everything that has arrived at the peer's end of the first connection, once all is quiet. */
  arrived(): string {
    const bytes = new Uint8Array(65536);
    const length = this.end.receive(bytes);
    return typeof length === "string" ? length : new TextDecoder().decode(bytes.subarray(0, length));
  }
}

type StageFor = (given?: Given) => Stage;

/** Network order, as a dword is loaded. */
const address = (text: string): number =>
  text.split(".").reduce((sum, part, i) => sum + Number(part) * 2 ** (8 * i), 0);

const RETURNED = { ended: "returned", stackBalance: 0 };

/** A socket manager with room for a few, of which some are taken. */
function withManager(stageFor: StageFor, slots: number, given: Given = {}, used = 0): Stage {
  const stage = stageFor({ ...given, blocks: [PAGE] });
  stage.set("socket_manager.sockets", stage.block(0));
  stage.set("socket_manager.max_sockets", slots);
  for (let i = 0; i < used; i++) stage.set(stage.block(0) + i * stage.at("sizeof.socket_info"), 1000 + i);
  return stage;
}

/** A socket_info in the first block for socket 16. */
function withInfo(stageFor: StageFor, given: Given): Stage {
  const stage = stageFor({ ...given, blocks: [PAGE] });
  stage.setField(stage.block(0), "socket_info.socket_fd", 16);
  return stage;
}

const BUFFER = 4096;

/** One client of two in the first block, buffers in the next two, statistics in the last. */
function withClient(stageFor: StageFor, connection: GivenSocket, given: Given = {}, buffer = BUFFER): Stage {
  const stage = stageFor({ ...given, sockets: [connection], blocks: [PAGE, buffer, buffer, PAGE] });
  const slot = stage.block(0);
  stage.set("tcp_server.clients", slot);
  stage.set("tcp_server_config.max_clients", 2);
  stage.set("tcp_server.client_count", 1);
  stage.set("tcp_server.statistics", stage.block(3));
  const info = (name: string, value: number): void =>
    stage.setField(slot, `client_connection.socket_info.${name}`, value);
  info("socket_fd", 16);
  info("send_buffer", stage.block(1));
  info("recv_buffer", stage.block(2));
  info("send_buf_size", buffer);
  info("recv_buf_size", buffer);
  return stage;
}

const clientInfo = (stage: Stage, name: string): number =>
  stage.field(stage.block(0), `client_connection.socket_info.${name}`);

function put(stage: Stage, place: number, text: string): void {
  stage.computer.memory.write(place, new TextEncoder().encode(text));
}

/** A server on port 80 for so many clients, and so many peers that have connected. */
function withServer(stageFor: StageFor, maxClients: number, peers: number) {
  const stage = stageFor({ peer: {} });
  stage.call("init_socket_manager");
  const created = stage.outcome("create_tcp_server", [0, 80, maxClients, 0]);
  const ends = Array.from({ length: peers }, () => {
    const end = stage.peer.stack.sockets.stream();
    end.connect(parseAddress("10.0.2.15")!, 80);
    return end;
  });
  stage.call("sleep_ms", [50]);
  return { stage, created, ends };
}

const demonstrations: Demonstration[] = [
  {
    intent: "sixteen interfaces are described at most",
    needs: ["interfaces-limit"],
    act: (stageFor) => {
      const stage = stageFor({ interfaces: 17 });
      const { eax } = stage.call("get_network_interfaces");
      const behind = stage.bytes(eax + 16 * stage.at("sizeof.network_interface"), 100);
      return {
        count: stage.dword("network_stats.interfaces_count"),
        last: new TextDecoder().decode(stage.bytes(eax + 15 * stage.at("sizeof.network_interface"), 5)),
        behind: behind.every((byte) => byte === 0),
      };
    },
    intended: { count: 16, last: "eth15", behind: true },
  },
  {
    intent: "an interface is configured",
    needs: ["configure-address", "configure-mask", "configure-gateway"],
    act: (stageFor) => {
      const stage = stageFor();
      const args = [0, address("10.1.2.77"), address("255.255.0.0"), address("10.1.0.1")];
      const { stop, stackBalance } = stage.call("configure_interface", args);
      const { address: own, mask, gateway } = stage.computer.stack.configuration(0);
      return { ended: stop.reason, stackBalance, is: [own, mask, gateway].map(showAddress) };
    },
    intended: { ...RETURNED, is: ["10.1.2.77", "255.255.0.0", "10.1.0.1"] },
  },
  {
    intent: "the socket manager has room for 1024 sockets",
    needs: ["manager-allocation"],
    act: (stageFor) => {
      const stage = stageFor();
      const outcome = stage.outcome("init_socket_manager");
      const sockets = stage.dword("socket_manager.sockets");
      return { ...outcome, room: stage.computer.memory.isMapped(sockets, 102_400, "write") };
    },
    intended: { ...RETURNED, eax: 1, room: true },
  },
  {
    intent: "the socket manager keeps EDI",
    needs: ["manager-keeps-edi"],
    act: (stageFor) => {
      const stage = stageFor();
      stage.call("init_socket_manager", [], { registers: { edi: 0x1234 } });
      return stage.computer.cpu.edi;
    },
    intended: 0x1234,
  },
  {
    intent: "a socket is opened, with its buffers",
    needs: ["socket-number"],
    act: (stageFor) => {
      const stage = withManager(stageFor, 4);
      const { ended, eax, stackBalance } = stage.outcome("create_advanced_socket", [2, 1, 6, 4096, 8192]);
      const field = (name: string): number => stage.field(stage.block(0), `socket_info.${name}`);
      return {
        ended,
        stackBalance,
        slot: eax - stage.block(0),
        number: field("socket_fd"),
        open: stage.open,
        sizes: [field("send_buf_size"), field("recv_buf_size")],
        buffers: [field("send_buffer"), field("recv_buffer")].every((at) => at > 0),
        active: stage.dword("socket_manager.active_sockets"),
      };
    },
    intended: {
      ...RETURNED,
      slot: 0,
      number: 16,
      open: [16],
      sizes: [4096, 8192],
      buffers: true,
      active: 1,
    },
  },
  {
    intent: "where no socket can be opened, none is closed",
    needs: ["socket-unset"],
    act: (stageFor) => {
      const stage = withManager(stageFor, 4, { sockets: ["open"] });
      const registers = { edi: 16 };
      return {
        ...stage.outcome("create_advanced_socket", [2, 9, 6, 100, 100], { registers }),
        open: stage.open,
      };
    },
    intended: { ...RETURNED, eax: 0, open: [16] },
  },
  {
    intent: "a socket for which there is no slot is closed again",
    needs: ["socket-close-number", "socket-close-stack"],
    act: (stageFor) => {
      const stage = withManager(stageFor, 1, {}, 1);
      return { ...stage.outcome("create_advanced_socket", [2, 1, 6, 100, 100]), open: stage.open };
    },
    intended: { ...RETURNED, eax: 0, open: [] },
  },
  {
    intent: "a socket without a send buffer gives its slot back",
    needs: ["socket-slot-kept", "socket-close-stack"],
    act: (stageFor) => {
      const stage = withManager(stageFor, 1);
      const outcome = stage.outcome("create_advanced_socket", [2, 1, 6, 0, 100]);
      return { ...outcome, open: stage.open, slot: stage.field(stage.block(0), "socket_info.socket_fd") };
    },
    intended: { ...RETURNED, eax: 0, open: [], slot: 0 },
  },
  {
    intent: "a socket without a receive buffer gives its send buffer back",
    needs: ["socket-buffer-kept"],
    act: (stageFor) => {
      const stage = withManager(stageFor, 1);
      const { used } = stage.computer.process.heap;
      const outcome = stage.outcome("create_advanced_socket", [2, 1, 6, 5000, 0]);
      return { ...outcome, lost: stage.computer.process.heap.used - used };
    },
    intended: { ...RETURNED, eax: 0, lost: 0 },
  },
  {
    intent: "a socket connects, and is blocking again",
    needs: ["connect-wait-order", "connect-wait-stack", "nonblocking-stack"],
    act: (stageFor) => {
      const stage = withInfo(stageFor, { sockets: ["open"], peer: { listens: 80 } });
      const outcome = stage.outcome("tcp_connect_advanced", [stage.block(0), address(PEER), 80, 5000, 1]);
      const file = stage.computer.process.sockets.get(16)!;
      return {
        ...outcome,
        state: stage.field(stage.block(0), "socket_info.state"),
        really: file.socket.state,
        nonBlocking: file.nonBlocking,
      };
    },
    intended: { ...RETURNED, eax: 1, state: 4, really: 4, nonBlocking: false },
  },
  {
    intent: "a connection that nobody answers is given up at its time-out",
    needs: ["connect-wait-timeout"],
    act: (stageFor) => {
      const stage = withInfo(stageFor, { sockets: ["open"] });
      const start = stage.computer.world.now;
      const outcome = stage.outcome("tcp_connect_advanced", [
        stage.block(0),
        address("10.0.2.99"),
        80,
        1000,
        1,
      ]);
      return { ...outcome, seconds: Math.round((stage.computer.world.now - start) / SECOND) };
    },
    intended: { ...RETURNED, eax: 0, seconds: 1 },
  },
  {
    intent: "no retries means one attempt",
    needs: ["connect-zero-retries"],
    act: (stageFor) => {
      const stage = withInfo(stageFor, { sockets: ["open"], peer: {} });
      const limits = { maxInstructions: 100_000 };
      const outcome = stage.outcome(
        "tcp_connect_advanced",
        [stage.block(0), address(PEER), 80, 5000, 0],
        limits,
      );
      return { ...outcome, error: stage.field(stage.block(0), "socket_info.error_code") | 0 };
    },
    intended: { ...RETURNED, eax: 0, error: -1 },
  },
  {
    intent: "a socket that could not connect is blocking again",
    needs: ["connect-failure-blocking"],
    act: (stageFor) => {
      const stage = withInfo(stageFor, { sockets: ["open"], peer: {} });
      const outcome = stage.outcome("tcp_connect_advanced", [stage.block(0), address(PEER), 80, 5000, 1]);
      return { ...outcome, nonBlocking: stage.computer.process.sockets.get(16)!.nonBlocking };
    },
    intended: { ...RETURNED, eax: 0, nonBlocking: false },
  },
  {
    intent: "the server's record says that it listens",
    needs: ["server-state"],
    act: (stageFor) => {
      const { stage, created } = withServer(stageFor, 4, 0);
      return {
        ...created,
        state: stage.dword(stage.dword("tcp_server.server_socket") + stage.at("socket_info.state")),
      };
    },
    intended: { ...RETURNED, eax: 1, state: 1 },
  },
  {
    intent: "a socket is made non-blocking, called as the listings call it",
    needs: ["nonblocking-order", "nonblocking-stack"],
    act: (stageFor) => {
      const stage = withInfo(stageFor, { sockets: ["open"] });
      const { ended, stackBalance } = stage.outcome("set_socket_nonblocking", [stage.block(0), 1], {
        order: "pascal",
      });
      return { ended, stackBalance, nonBlocking: stage.computer.process.sockets.get(16)!.nonBlocking };
    },
    intended: { ended: "returned", stackBalance: 8, nonBlocking: true },
  },
  {
    intent: "a connection that the peer has already closed again is ready",
    needs: ["wait-established-and-closed"],
    act: (stageFor) => {
      const stage = withInfo(stageFor, { sockets: [{ state: "connected", sent: "bye", closed: true }] });
      return stage.outcome("wait_for_socket_ready", [stage.block(0), 3000]);
    },
    intended: { ...RETURNED, eax: 1 },
  },
  {
    intent: "waiting takes as long as it is told to",
    needs: ["wait-start-time"],
    act: (stageFor) => {
      const stage = withInfo(stageFor, { sockets: ["listening"], seconds: 7 });
      const start = stage.computer.world.now;
      const outcome = stage.outcome("wait_for_socket_ready", [stage.block(0), 3000]);
      return { ...outcome, seconds: Math.round((stage.computer.world.now - start) / SECOND) };
    },
    intended: { ...RETURNED, eax: 0, seconds: 3 },
  },
  {
    intent: "a server listens",
    needs: ["server-socket-order", "server-socket-stack", "server-clients-allocation"],
    act: (stageFor) => {
      const { stage, created, ends } = withServer(stageFor, 100, 1);
      const clients = stage.dword("tcp_server.clients");
      return {
        ...created,
        room: stage.computer.memory.isMapped(clients, 100 * stage.at("sizeof.client_connection"), "write"),
        running: stage.dword("tcp_server.is_running") & 255,
        peer: ends[0]!.state,
      };
    },
    intended: { ...RETURNED, eax: 1, room: true, running: 1, peer: 4 },
  },
  {
    intent: "a connection is accepted, counted and given a slot",
    needs: ["accept-result"],
    act: (stageFor) => {
      const { stage } = withServer(stageFor, 2, 1);
      const { stop, stackBalance } = stage.call("check_new_connections");
      const slot = stage.dword("tcp_server.clients");
      const statistics = stage.dword("tcp_server.statistics");
      return {
        ended: stop.reason,
        stackBalance,
        clients: stage.dword("tcp_server.client_count"),
        number: stage.field(slot, "client_connection.socket_info.socket_fd"),
        state: stage.field(slot, "client_connection.socket_info.state"),
        id: stage.field(slot, "client_connection.client_id"),
        buffers: stage.field(slot, "client_connection.socket_info.recv_buf_size"),
        accepted: stage.field(statistics, "server_statistics.connections_accepted"),
        peak: stage.field(statistics, "server_statistics.peak_clients"),
      };
    },
    intended: {
      ...RETURNED,
      clients: 1,
      number: 17,
      state: 4,
      id: 1,
      buffers: 8192,
      accepted: 1,
      peak: 1,
    },
  },
  {
    intent: "where nobody connects the server goes on",
    needs: ["nonblocking-order"],
    act: (stageFor) => {
      const { stage } = withServer(stageFor, 2, 0);
      const { stop, stackBalance } = stage.call("check_new_connections");
      return { ended: stop.reason, stackBalance, clients: stage.dword("tcp_server.client_count") };
    },
    intended: { ...RETURNED, clients: 0 },
  },
  {
    intent: "a connection above the limit is closed",
    needs: ["accept-close-number", "accept-close-stack"],
    act: (stageFor) => {
      const { stage, ends } = withServer(stageFor, 1, 2);
      stage.call("check_new_connections");
      const { stop, stackBalance } = stage.call("check_new_connections");
      stage.call("sleep_ms", [50]);
      return {
        ended: stop.reason,
        stackBalance,
        open: stage.open,
        errors: stage.field(stage.dword("tcp_server.statistics"), "server_statistics.errors_count"),
        peers: ends.map(({ state }) => state),
      };
    },
    // 4 = ESTABLISHED, 7 = CLOSE_WAIT: the second peer has been told.
    intended: { ...RETURNED, open: [16, 17], errors: 1, peers: [4, 7] },
  },
  {
    intent: "what a client sends is received and counted",
    needs: ["receive-result"],
    act: (stageFor) => {
      const stage = withClient(stageFor, { state: "connected", sent: "hello" });
      const { stop, stackBalance } = stage.call("process_single_client", [stage.block(0)]);
      return {
        ended: stop.reason,
        stackBalance,
        used: clientInfo(stage, "recv_buf_used"),
        received: clientInfo(stage, "bytes_received"),
        counted: stage.field(stage.block(3), "server_statistics.bytes_received"),
        text: new TextDecoder().decode(stage.bytes(stage.block(2), 5)),
      };
    },
    intended: { ...RETURNED, used: 5, received: 5, counted: 5, text: "hello" },
  },
  {
    intent: "all clients get their turn",
    needs: ["receive-result"],
    act: (stageFor) => {
      const stage = withClient(stageFor, { state: "connected", sent: "hello" });
      const { stop, stackBalance } = stage.call("process_client_connections");
      return { ended: stop.reason, stackBalance, used: clientInfo(stage, "recv_buf_used") };
    },
    intended: { ...RETURNED, used: 5 },
  },
  {
    intent: "what waits to be sent is sent at the client's next turn",
    needs: ["receive-pending-output"],
    act: (stageFor) => {
      const stage = withClient(stageFor, { state: "connected" });
      put(stage, stage.block(1), "hello");
      stage.setField(stage.block(0), "client_connection.socket_info.send_buf_used", 5);
      const { stop } = stage.call("process_single_client", [stage.block(0)]);
      stage.call("sleep_ms", [50]);
      return { ended: stop.reason, used: clientInfo(stage, "send_buf_used"), arrived: stage.arrived() };
    },
    intended: { ended: "returned", used: 0, arrived: "hello" },
  },
  {
    intent: "a client stays when its receive buffer is full",
    needs: ["receive-full-buffer"],
    act: (stageFor) => {
      const stage = withClient(stageFor, { state: "connected", sent: "more" });
      stage.setField(stage.block(0), "client_connection.socket_info.recv_buf_used", BUFFER);
      const { stop } = stage.call("process_single_client", [stage.block(0)]);
      return { ended: stop.reason, clients: stage.dword("tcp_server.client_count"), open: stage.open };
    },
    intended: { ended: "returned", clients: 1, open: [16] },
  },
  {
    intent: "a client that closes is disconnected",
    needs: [],
    act: (stageFor) => {
      const stage = withClient(stageFor, { state: "connected", closed: true });
      const { stop } = stage.call("process_single_client", [stage.block(0)]);
      const closed = stage.field(stage.block(3), "server_statistics.connections_closed");
      return {
        ended: stop.reason,
        clients: stage.dword("tcp_server.client_count"),
        open: stage.open,
        closed,
      };
    },
    intended: { ended: "returned", clients: 0, open: [], closed: 1 },
  },
  {
    intent: "a client whose connection broke is disconnected",
    needs: ["receive-error"],
    act: (stageFor) => {
      const stage = withClient(stageFor, { state: "connected", reset: true });
      const { stop } = stage.call("process_single_client", [stage.block(0)]);
      return { ended: stop.reason, clients: stage.dword("tcp_server.client_count"), open: stage.open };
    },
    intended: { ended: "returned", clients: 0, open: [] },
  },
  {
    intent: "a text is sent, and its length answered",
    needs: ["send-flush-argument", "send-result"],
    act: (stageFor) => {
      const stage = withClient(stageFor, { state: "connected" });
      put(stage, stage.block(2), "hello");
      const outcome = stage.outcome("send_to_client", [stage.block(0), stage.block(2), 5]);
      stage.call("sleep_ms", [50]);
      return {
        ...outcome,
        used: clientInfo(stage, "send_buf_used"),
        counted: stage.field(stage.block(3), "server_statistics.bytes_sent"),
        arrived: stage.arrived(),
      };
    },
    intended: { ...RETURNED, eax: 5, used: 0, counted: 5, arrived: "hello" },
  },
  {
    intent: "a text for which there is no room yet follows what is there",
    needs: ["send-full-flush-argument", "send-full-length"],
    act: (stageFor) => {
      const stage = withClient(stageFor, { state: "connected" });
      put(stage, stage.block(1), "a".repeat(BUFFER - 1));
      stage.setField(stage.block(0), "client_connection.socket_info.send_buf_used", BUFFER - 1);
      put(stage, stage.block(2), "hello");
      const outcome = stage.outcome("send_to_client", [stage.block(0), stage.block(2), 5]);
      stage.call("sleep_ms", [50]);
      return {
        ...outcome,
        arrived: stage.arrived().length,
        used: clientInfo(stage, "send_buf_used"),
        waiting: new TextDecoder().decode(stage.bytes(stage.block(1), 5)),
      };
    },
    intended: { ...RETURNED, eax: 5, arrived: BUFFER - 1, used: 5, waiting: "hello" },
  },
  {
    intent: "a text that can never fit is refused",
    needs: ["send-length-wraps"],
    act: (stageFor) => {
      const stage = withClient(stageFor, { state: "connected" });
      stage.setField(stage.block(0), "client_connection.socket_info.send_buf_used", 1);
      return stage.outcome("send_to_client", [stage.block(0), stage.block(2), 0xffff_ffff]);
    },
    intended: { ...RETURNED, eax: 0 },
  },
  {
    intent: "what the network does not take at once stays in the buffer",
    needs: ["flush-remaining"],
    act: (stageFor) => {
      const size = 2 ** 19;
      const stage = withClient(stageFor, { state: "connected" }, {}, size);
      const pattern = Uint8Array.from({ length: size }, (_, i) => (i * 2654435761) >>> 24);
      stage.computer.memory.write(stage.block(1), pattern);
      stage.setField(stage.block(0), "client_connection.socket_info.send_buf_used", size);
      const { stop } = stage.call("flush_client_send_buffer", [stage.block(0)]);
      const sent = clientInfo(stage, "bytes_sent");
      const rest = pattern.subarray(sent);
      return {
        ended: stop.reason,
        some: sent > 0 && sent < size,
        together: sent + clientInfo(stage, "send_buf_used"),
        rest: Buffer.compare(stage.bytes(stage.block(1), rest.length), rest) === 0,
      };
    },
    intended: { ended: "returned", some: true, together: 2 ** 19, rest: true },
  },
];

const stageFor =
  (without?: string): StageFor =>
  (given = {}) =>
    new Stage(position(guideImage(without), given));

/** What happens, be it that the demonstration cannot even be made. */
function observed(demonstration: Demonstration, without?: string): unknown {
  try {
    return demonstration.act(stageFor(without));
  } catch (error) {
    return { error: (error as Error).message };
  }
}

describe("with all corrections", () => {
  test.each(demonstrations.map((each) => [each.intent, each] as const))("%s", (_, demonstration) => {
    expect(demonstration.act(stageFor())).toEqual(demonstration.intended);
  });
});

describe("without", () => {
  test.each(corrections.map(({ id, title }) => [id, title] as const))("%s: %s", (id) => {
    const telling = demonstrations.filter(({ needs }) => needs.includes(id));
    expect(telling).not.toEqual([]);
    for (const demonstration of telling) {
      expect(observed(demonstration, id), demonstration.intent).not.toEqual(demonstration.intended);
    }
  });
});
