// What each routine is called with, and what the kernel answers: the guide's ABI written out by hand.
//
// `given` says how a real kernel and network are brought into the position in which they answer so:
//   interfaces   cards, 10.0.2.15/24 on the first (default 1)
//   seconds      on the clock when the routine is called (default 0)
//   heap         false = no memory for a heap
//   blocks       bytes of heap blocks that are there already
//   sockets      open already, numbered from 16: "open", "listening", "waited for" (listening, and a peer has
//                connected), "connected"; for a connected one what the peer has `sent` and whether it has `closed`
//   peer         the station at 10.0.2.16: the port it `listens` on, if any
//   memory       bytes in the program's memory: [place, value or bytes]
//
// `limit`: instructions after which it is enough.
//
// Answers, one for each int 0x40: a number for EAX; { eax, at, bytes } when memory is written as well;
// { block: bytes } a new block of the heap; { release: n } the nth block freed; "wait" for ever; "exit".

export const PAGE = 4096;

/** Registers at the entry, so that what is changed can be told from what is not. */
export const REGISTERS = {
  eax: 0xa0a0a0a0,
  ebx: 0xb0b0b0b0,
  ecx: 0xc0c0c0c0,
  edx: 0xd0d0d0d0,
  esi: 0x51515151,
  edi: 0xd1d1d1d1,
  ebp: 0xb9b9b9b9,
};

const BAD_SOCKET = -9;
const INVALID = -22;
const NO_DEVICE = -19;
const UNKNOWN = -1;
const REFUSED = -111;
const WOULD_BLOCK = -11;
const IN_PROGRESS = -36;
const IN_USE = -98;
const RESET = -104;
const NOT_CONNECTED = -107;

/** The states that function 83 tells. */
const CLOSED = 0;
const LISTEN = 1;
const SYN_SENT = 2;
const ESTABLISHED = 4;
const CLOSE_WAIT = 7;

const dword = (value) => Buffer.from(Uint32Array.of(value >>> 0).buffer).toString("hex");
const text = (value) => Buffer.from(value, "latin1").toString("hex");
/** A.B.C.D in network order, as a dword is loaded. */
const address = (value) => Buffer.from(value.split(".").map(Number)).readUInt32LE();

/** What interface `index` of the computer says of itself. The first has announced its address, and that is all. */
function interfaceRecord(index) {
  const record = Buffer.alloc(70);
  record.write(`eth${index}`, 0, "latin1");
  const [own, mask, gateway] =
    index === 0 ? ["10.0.2.15", "255.255.255.0", "10.0.2.2"] : Array(3).fill("0.0.0.0");
  const words = [1, 1500, 0x43, address(own), address(mask), address(gateway)];
  for (const [i, word] of words.entries()) record.writeUInt32LE(word, 16 + 4 * i);
  record.write("52540000020f", 40, "hex");
  record[45] += index;
  if (index === 0) {
    record.writeUInt32LE(1, 50); // packets sent: one ARP announcement (RFC 5227, section 2.3)
    record.writeUInt32LE(42, 58); // bytes sent
  }
  return record.toString("hex");
}

/** The scenarios of each routine, as printed and corrected. `at` gives the value of a symbol; `block(n, offset)` the place of a heap block. */
export function scenarios({ at, block }) {
  const info = (field) => at(`socket_info.${field}`);
  const client = (field) => at(`client_connection.${field}`);
  const infoOf = (n, fields) =>
    Object.entries(fields).map(([field, value]) => [block(n, info(field)), dword(value)]);
  const clientOf = (n, fields) =>
    Object.entries(fields).map(([field, value]) => [block(n, client(field)), dword(value)]);
  const variable = (name, value) => [at(name), dword(value)];

  const manager = (slots, used = 0) => ({
    blocks: [slots * at("sizeof.socket_info")],
    memory: [
      variable("socket_manager.sockets", block(0)),
      variable("socket_manager.max_sockets", slots),
      ...Array.from({ length: used }, (_, i) => [block(0, i * at("sizeof.socket_info")), dword(100 + i)]),
    ],
  });
  const interfaces = (count) => ({
    given: { interfaces: count },
    answers: [
      { block: 1120 },
      count,
      ...Array.from({ length: count }, (_, i) => ({
        eax: 0,
        at: block(0, 70 * i),
        bytes: interfaceRecord(i),
      })),
    ],
  });
  const server = (socket) => ({
    sockets: [socket],
    blocks: [at("sizeof.socket_info")],
    memory: [variable("tcp_server.server_socket", block(0)), ...infoOf(0, { socket_fd: 16 })],
  });
  /** A client in the first of two slots, its buffers and its connection. */
  const oneClient = (connection, fields = {}, sendBuffer = "") => ({
    sockets: [connection],
    blocks: [2 * at("sizeof.client_connection"), 4096, 4096, 24],
    memory: [
      variable("tcp_server.clients", block(0)),
      variable("tcp_server_config.max_clients", 2),
      variable("tcp_server.client_count", 1),
      variable("tcp_server.statistics", block(3)),
      ...clientOf(0, {
        "socket_info.socket_fd": 16,
        "socket_info.send_buffer": block(1),
        "socket_info.recv_buffer": block(2),
        "socket_info.send_buf_size": 4096,
        "socket_info.recv_buf_size": 4096,
        ...fields,
      }),
      ...(sendBuffer ? [[block(1), text(sendBuffer)]] : []),
    ],
  });
  const received = { eax: 5, at: block(2), bytes: text("hello") };
  const connecting = {
    sockets: ["open"],
    blocks: [at("sizeof.socket_info")],
    memory: infoOf(0, { socket_fd: 16 }),
  };
  const connect = (retries) => [block(0), address("10.0.2.16"), 80, 5000, retries];

  const printed = {
    get_network_interfaces: {
      "one interface": interfaces(1),
      "no interface": interfaces(0),
      "seventeen interfaces": interfaces(17),
      "no memory": { given: { heap: false }, answers: [0] },
    },
    configure_interface: {
      "interface 0": {
        args: [0, address("10.0.2.77"), address("255.255.0.0"), address("10.0.2.1")],
        answers: [UNKNOWN, "exit"],
      },
      "interface 3": {
        given: { seconds: 7 },
        args: [3, address("10.0.2.77"), address("255.255.0.0"), address("10.0.2.1")],
        answers: [7, UNKNOWN, "exit"],
      },
      "interface 5": { args: [5, 100, address("255.255.0.0"), address("10.0.2.1")], answers: [5, 5, 5] },
    },
    init_socket_manager: {
      "1024 sockets": { answers: [UNKNOWN] },
      "one socket": {
        given: { memory: [variable("socket_manager.max_sockets", 1)] },
        answers: [{ block: 68 }],
      },
      "no sockets": { given: { memory: [variable("socket_manager.max_sockets", 0)] }, answers: [UNKNOWN] },
    },
    create_advanced_socket: {
      "a stream": {
        given: { ...manager(4), seconds: 3 },
        args: [2, 1, 6, 4096, 8192],
        answers: [16, { block: 4096 }, { block: 8192 }, 3],
      },
      "the third slot is free": {
        given: manager(4, 2),
        args: [2, 2, 17, 100, 100],
        answers: [16, { block: 100 }, { block: 100 }, 0],
      },
      "no such type": {
        given: manager(4),
        args: [2, 9, 6, 4096, 4096],
        answers: [INVALID, { block: 4096 }, { block: 4096 }, 0],
      },
      "no free slot": { given: manager(1, 1), args: [2, 1, 6, 4096, 4096], answers: [16, NO_DEVICE] },
      "no free slot for a datagram socket": {
        given: manager(1, 1),
        args: [2, 2, 0, address("10.0.2.99"), 4096],
        answers: [16, 0],
      },
      "no send buffer": { given: manager(4), args: [2, 1, 6, 0, 4096], answers: [16, 0, BAD_SOCKET] },
      "no receive buffer": {
        given: manager(4),
        args: [2, 1, 6, 4096, 0],
        answers: [16, { block: 4096 }, 0, BAD_SOCKET],
      },
      "no socket manager": {
        args: [2, 1, 6, 4096, 4096],
        answers: [16, { block: 4096 }, { block: 4096 }, 0],
      },
    },
    find_free_socket_slot: {
      "the first slot": { given: manager(4), answers: [] },
      "the third slot": { given: manager(4, 2), answers: [] },
      "no free slot": { given: manager(4, 4), answers: [] },
    },
    tcp_connect_advanced: {
      "a peer that listens": {
        given: { ...connecting, peer: { listens: 80 } },
        args: connect(3),
        answers: [BAD_SOCKET, 0, 0, BAD_SOCKET],
      },
      "a peer that refuses": {
        given: { ...connecting, peer: {} },
        args: connect(1),
        answers: [BAD_SOCKET, REFUSED],
      },
      "a peer that refuses twice": {
        given: { ...connecting, peer: {} },
        args: connect(2),
        answers: [BAD_SOCKET, REFUSED, 5, BAD_SOCKET, REFUSED],
      },
      "a peer that refuses, and no retries": {
        given: { ...connecting, peer: {} },
        args: connect(0),
        limit: 400,
        answers: [...Array.from({ length: 8 }, () => [BAD_SOCKET, REFUSED, 5]).flat(), BAD_SOCKET],
      },
      "no socket": {
        given: { ...connecting, sockets: [] },
        args: connect(1),
        answers: [BAD_SOCKET, BAD_SOCKET],
      },
    },
    set_socket_nonblocking: {
      "called as its own text has it": { given: connecting, args: [block(0), 1], answers: [0] },
      "called as the listings call it, to block no more": {
        given: connecting,
        args: [1, block(0)],
        answers: [BAD_SOCKET],
      },
      "called as the listings call it, to block again": {
        given: connecting,
        args: [0, block(0)],
        answers: [BAD_SOCKET],
      },
    },
    wait_for_socket_ready: {
      established: {
        given: { ...connecting, sockets: ["connected"] },
        args: [block(0), 3000],
        answers: [0, 4],
      },
      closed: { given: connecting, args: [block(0), 3000], answers: [0, 0] },
      "neither, and the clock stands at seven seconds": {
        given: { ...connecting, sockets: ["listening"], seconds: 7 },
        args: [block(0), 3000],
        answers: [7, 1, 7, 5, 1, 7],
      },
      "no socket": {
        given: { ...connecting, sockets: [], seconds: 7 },
        args: [block(0), 3000],
        answers: [7, BAD_SOCKET, 7, 5, BAD_SOCKET, 7],
      },
    },
    create_tcp_server: {
      "port 80": {
        given: manager(4),
        args: [0, 80, 100, 0],
        answers: [
          INVALID,
          { block: 1 },
          { block: 2 },
          0,
          BAD_SOCKET,
          BAD_SOCKET,
          BAD_SOCKET,
          { release: 1 },
          { release: 2 },
        ],
      },
      "no free slot": { given: manager(1, 1), args: [0, 80, 100, 0], answers: [INVALID, BAD_SOCKET] },
    },
    tcp_server_event_loop: {
      "not running": { answers: [] },
      "nobody connects": {
        given: {
          ...server("listening"),
          memory: [...server("listening").memory, [at("tcp_server.is_running"), "01"]],
        },
        answers: [BAD_SOCKET, "wait"],
      },
    },
    check_new_connections: {
      "nobody connects": { given: server("listening"), answers: [BAD_SOCKET, "wait"] },
      "somebody connects": { given: server("waited for"), answers: [BAD_SOCKET, 17, BAD_SOCKET] },
    },
    process_client_connections: {
      "no clients": { given: oneClient({ state: "connected" }, { "socket_info.socket_fd": 0 }), answers: [] },
      "one client that sends": {
        given: oneClient({ state: "connected", sent: "hello" }),
        answers: [BAD_SOCKET, received, BAD_SOCKET],
      },
    },
    process_single_client: {
      "it sends": {
        given: oneClient({ state: "connected", sent: "hello" }),
        args: [block(0)],
        answers: [BAD_SOCKET, received, BAD_SOCKET],
      },
      "it says nothing": {
        given: oneClient({ state: "connected" }),
        args: [block(0)],
        answers: [BAD_SOCKET, "wait"],
      },
      "it has closed": {
        given: oneClient({ state: "connected", closed: true }),
        args: [block(0)],
        answers: [BAD_SOCKET, 0, BAD_SOCKET],
      },
    },
    send_to_client: {
      "a short text": {
        given: oneClient({ state: "connected" }, {}, "hello"),
        args: [block(0), block(1), 5],
        answers: [],
      },
      "EDI happens to be the client": {
        given: oneClient({ state: "connected" }, {}, "hello"),
        registers: { edi: block(0) },
        args: [block(0), block(1), 5],
        answers: [BAD_SOCKET, 5, BAD_SOCKET],
      },
      "more than there is room for": {
        given: oneClient({ state: "connected" }, { "socket_info.send_buf_used": 4095 }),
        args: [block(0), block(1), 5],
        answers: [],
      },
    },
    flush_client_send_buffer: {
      "nothing to send": { given: oneClient({ state: "connected" }), args: [block(0)], answers: [] },
      "five bytes": {
        given: oneClient({ state: "connected" }, { "socket_info.send_buf_used": 5 }, "hello"),
        args: [block(0)],
        answers: [BAD_SOCKET, 5, BAD_SOCKET],
      },
      "the peer has gone": {
        given: {
          ...oneClient({ state: "connected" }, { "socket_info.send_buf_used": 5 }),
          sockets: ["open"],
        },
        args: [block(0)],
        answers: [BAD_SOCKET, NOT_CONNECTED, BAD_SOCKET],
      },
    },
  };

  /** What a server has once it runs: its socket, slots of which some are taken, statistics. */
  const running = (sockets, slots, used = 0) => ({
    sockets,
    blocks: [at("sizeof.socket_info"), slots * at("sizeof.client_connection"), 24],
    memory: [
      variable("tcp_server.server_socket", block(0)),
      variable("tcp_server.clients", block(1)),
      variable("tcp_server.statistics", block(2)),
      variable("tcp_server_config.max_clients", slots),
      ...infoOf(0, { socket_fd: 16 }),
      ...(used ? clientOf(1, { "socket_info.socket_fd": 99 }) : []),
    ],
  });
  const buffers = [{ block: 8192 }, { block: 8192 }];
  const disconnected = [0, { release: 1 }, { release: 2 }];

  const corrected = {
    get_network_interfaces: {
      "one interface": interfaces(1),
      "seventeen interfaces": {
        ...interfaces(17),
        answers: interfaces(17).answers.slice(0, 18),
      },
    },
    configure_interface: {
      "interface 0": {
        args: [0, address("10.0.2.77"), address("255.255.0.0"), address("10.0.2.1")],
        answers: [0, 0, 0],
      },
      "no such interface": {
        args: [5, address("10.0.2.77"), address("255.255.0.0"), address("10.0.2.1")],
        answers: [NO_DEVICE, NO_DEVICE, NO_DEVICE],
      },
    },
    init_socket_manager: {
      "1024 sockets": { answers: [{ block: 1024 * at("sizeof.socket_info") }] },
      "no memory": { given: { heap: false }, answers: [0] },
    },
    create_advanced_socket: {
      "a stream": {
        given: { ...manager(4), seconds: 3 },
        args: [2, 1, 6, 4096, 8192],
        answers: [16, { block: 4096 }, { block: 8192 }, 3],
      },
      "no such type": { given: manager(4), args: [2, 9, 6, 4096, 4096], answers: [INVALID] },
      "no free slot": { given: manager(1, 1), args: [2, 1, 6, 4096, 4096], answers: [16, 0] },
      "no send buffer": { given: manager(4), args: [2, 1, 6, 0, 4096], answers: [16, 0, 0] },
      "no receive buffer": {
        given: manager(4),
        args: [2, 1, 6, 4096, 0],
        answers: [16, { block: 4096 }, 0, { release: 1 }, 0],
      },
    },
    find_free_socket_slot: { "the third slot": { given: manager(4, 2), answers: [] } },
    tcp_connect_advanced: {
      "a peer that listens": {
        given: { ...connecting, peer: { listens: 80 } },
        args: connect(1),
        answers: [0, IN_PROGRESS, 0, SYN_SENT, 0, 5, ESTABLISHED, 0, 0],
      },
      "a peer that refuses": {
        given: { ...connecting, peer: {} },
        args: connect(1),
        answers: [0, IN_PROGRESS, 0, SYN_SENT, 0, 5, CLOSED, 0],
      },
      "no socket": {
        given: { ...connecting, sockets: [] },
        args: connect(2),
        answers: [BAD_SOCKET, BAD_SOCKET, 5, BAD_SOCKET, BAD_SOCKET, BAD_SOCKET],
      },
    },
    set_socket_nonblocking: {
      "to block no more": { given: connecting, args: [1, block(0)], answers: [0] },
      "to block again": { given: connecting, args: [0, block(0)], answers: [0] },
    },
    wait_for_socket_ready: {
      established: {
        given: { ...connecting, sockets: ["connected"] },
        args: [block(0), 3000],
        answers: [0, ESTABLISHED],
      },
      "established, and closed by the peer": {
        given: { ...connecting, sockets: [{ state: "connected", closed: true }] },
        args: [block(0), 3000],
        answers: [0, CLOSE_WAIT],
      },
      "neither, for a second": {
        given: { ...connecting, sockets: ["listening"], seconds: 7.97 },
        args: [block(0), 1000],
        answers: [7, ...Array.from({ length: 3 }, () => [LISTEN, 7, 5]).flat(), LISTEN, 8],
      },
    },
    create_tcp_server: {
      "port 80": {
        given: manager(4),
        args: [0, 80, 4, 0],
        answers: [
          16,
          ...buffers,
          0,
          0,
          0,
          0,
          { block: 4 * at("sizeof.client_connection") },
          { block: at("sizeof.server_statistics") },
        ],
      },
      "the port is taken": {
        given: { ...manager(4), sockets: ["listening"] },
        args: [0, 1000, 4, 0],
        answers: [17, ...buffers, 0, 0, IN_USE, 0, { release: 1 }, { release: 2 }],
      },
      "no free slot": { given: manager(1, 1), args: [0, 80, 4, 0], answers: [16, 0] },
    },
    tcp_server_event_loop: {
      "nobody connects, two turns": {
        given: {
          ...running(["listening"], 2),
          memory: [...running(["listening"], 2).memory, [at("tcp_server.is_running"), "01"]],
        },
        limit: 240,
        answers: Array.from({ length: 2 }, () => [0, WOULD_BLOCK, 0, 0, 5]).flat(),
      },
    },
    check_new_connections: {
      "nobody connects": { given: running(["listening"], 2), answers: [0, WOULD_BLOCK, 0] },
      "somebody connects": { given: running(["waited for"], 2), answers: [0, 17, 0, ...buffers, 0] },
      "somebody connects, and all slots are taken": {
        given: running(["waited for"], 1, 1),
        answers: [0, 17, 0, 0],
      },
    },
    process_client_connections: {
      "one client that sends": {
        given: oneClient({ state: "connected", sent: "hello" }),
        answers: [0, received, 0, 0],
      },
    },
    process_single_client: {
      "it sends": {
        given: oneClient({ state: "connected", sent: "hello" }),
        args: [block(0)],
        answers: [0, received, 0, 0],
      },
      "it says nothing": {
        given: oneClient({ state: "connected" }),
        args: [block(0)],
        answers: [0, WOULD_BLOCK, 0],
      },
      "it says nothing, and something waits to be sent": {
        given: oneClient({ state: "connected" }, { "socket_info.send_buf_used": 5 }, "hello"),
        args: [block(0)],
        answers: [0, 5, 0, 0, WOULD_BLOCK, 0],
      },
      "its buffer is full": {
        given: oneClient({ state: "connected", sent: "hello" }, { "socket_info.recv_buf_used": 4096 }),
        args: [block(0)],
        answers: [],
      },
      "it has closed": {
        given: oneClient({ state: "connected", closed: true }),
        args: [block(0)],
        answers: [0, 0, 0, ...disconnected],
      },
      "its connection was reset": {
        given: oneClient({ state: "connected", reset: true }),
        args: [block(0)],
        answers: [0, RESET, 0, ...disconnected],
      },
    },
    send_to_client: {
      "a short text": {
        given: oneClient({ state: "connected" }, {}, "hello"),
        args: [block(0), block(1), 5],
        answers: [0, 5, 0],
      },
      "more than there is room for": {
        given: oneClient({ state: "connected" }, { "socket_info.send_buf_used": 4095 }),
        args: [block(0), block(1), 5],
        answers: [0, 4095, 0],
      },
      "more than there can ever be room for": {
        given: oneClient({ state: "connected" }, { "socket_info.send_buf_used": 1 }, "x"),
        args: [block(0), block(1), 0xffffffff],
        answers: [0, 1, 0],
      },
    },
    flush_client_send_buffer: {
      "nothing to send": { given: oneClient({ state: "connected" }), args: [block(0)], answers: [] },
      "five bytes": {
        given: oneClient({ state: "connected" }, { "socket_info.send_buf_used": 5 }, "hello"),
        args: [block(0)],
        answers: [0, 5, 0],
      },
      "the peer has gone": {
        given: {
          ...oneClient({ state: "connected" }, { "socket_info.send_buf_used": 5 }),
          sockets: ["open"],
        },
        args: [block(0)],
        answers: [0, NOT_CONNECTED, 0],
      },
    },
  };

  return { printed, corrected };
}
