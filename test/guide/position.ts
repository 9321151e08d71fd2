import {
  Computer,
  type ComputerOptions,
  type Image,
  MS,
  SECOND,
  type Socket,
  Switch,
  World,
} from "../../src/index.ts";
import { parseAddress } from "../../src/net/index.ts";

/** A socket that is open when a routine is called. */
export interface GivenSocket {
  /** "waited for": listening, and a peer has connected. */
  state: "open" | "listening" | "waited for" | "connected";
  /** What the peer of a connected socket has sent. */
  sent?: string;
  /** The peer has closed its direction. */
  closed?: boolean;
  /** The peer has reset the connection. */
  reset?: boolean;
}

/** The position a routine is called in; `fixtures/guide/README.md` says more. */
export interface Given {
  interfaces?: number;
  seconds?: number;
  heap?: false;
  blocks?: number[];
  sockets?: (GivenSocket | GivenSocket["state"])[];
  peer?: { listens?: number };
  memory?: [string, string][];
}

export const PAGE = 4096;
export const COMPUTER = "10.0.2.15";
export const PEER = "10.0.2.16";

/** A station beside the computer, and the socket it has for each connection. */
export interface Position {
  computer: Computer;
  peer: Computer;
  /** The peer's ends of the connections, in the order of `sockets`. */
  ends: (Socket | undefined)[];
  /** The heap's blocks that were given. */
  blocks: number[];
}

/**
 * A computer with `program` loaded and all that `given` says done. The program itself has not begun: time passes,
 * and connections are made, before it is loaded.
 */
export function position(program: Image | Uint8Array, given: Given, options: ComputerOptions = {}): Position {
  const world = new World();
  const lan = new Switch({ clock: world.clock });
  const { interfaces = 1, seconds = 0, blocks = [], sockets = [], memory = [] } = given;
  const computer = new Computer({
    world,
    interfaces: Array.from({ length: interfaces }, (_, i) => ({
      // All but the first are alone on their cables: what others send is counted.
      port: (i === 0 ? lan : new Switch({ clock: world.clock })).plug(),
      mac: `52:54:00:00:02:${(0x0f + i).toString(16).padStart(2, "0")}`,
      ...(i === 0 && { address: `${COMPUTER}/24`, gateway: "10.0.2.2" }),
    })),
    ...options,
  });
  // Not plugged in unless it is needed.
  const peer = new Computer({
    world,
    interfaces: given.peer || sockets.length > 0 ? [{ port: lan.plug(), address: `${PEER}/24` }] : [],
  });
  if (given.peer?.listens) listening(peer, given.peer.listens);

  const ends: (Socket | undefined)[] = [];
  const opened = sockets.map((each, i) => {
    const { state, sent, closed, reset } = typeof each === "string" ? ({ state: each } as GivenSocket) : each;
    const port = 1000 + i;
    if (state === "open") return computer.stack.sockets.stream();
    if (state === "connected") {
      const listener = listening(peer, port);
      const socket = computer.stack.sockets.stream();
      socket.connect(parseAddress(PEER)!, port);
      world.advance(20 * MS);
      const end = listener.accept();
      if (typeof end === "string") throw new Error(`not connected: ${end}`);
      ends[i] = end;
      if (sent) end.send(new TextEncoder().encode(sent));
      if (closed) end.shutdown("send");
      if (reset) end.abort();
      world.advance(20 * MS);
      return socket;
    }
    const socket = listening(computer, port);
    if (state === "waited for") {
      ends[i] = peer.stack.sockets.stream();
      ends[i].connect(parseAddress(COMPUTER)!, port);
      world.advance(20 * MS);
    }
    return socket;
  });
  world.advance(seconds * SECOND);

  computer.load(program);
  const { kernel, process } = computer;
  for (const socket of opened) kernel.openSocket(process, () => socket);
  if (given.heap === false) while (process.heap.allocate(PAGE) !== 0);
  const addresses = blocks.map((bytes) => process.heap.allocate(bytes));
  for (const [place, bytes] of memory) {
    if (!computer.memory.write(Number.parseInt(place, 16), fromHex(bytes)))
      throw new Error(`no memory at ${place}`);
  }
  return { computer, peer, ends, blocks: addresses };
}

export function listening(station: Computer, port: number): Socket {
  const socket = station.stack.sockets.stream();
  socket.bind(0, port);
  socket.listen(8);
  return socket;
}

export const fromHex = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
