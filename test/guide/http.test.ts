import { beforeEach, describe, expect, test } from "vitest";
import { Computer, MS, SECOND, type Socket, Switch, TcpState, World } from "../../src/index.ts";
import { parseAddress } from "../../src/net/index.ts";
import { program } from "./programs.ts";

/** asm/http-server.asm, corrected, on a whole computer, asked by clients on another station: all in virtual time. */
const image = program("asm/http-server.asm");

let world: World;
let server: Computer;
let station: Computer;

beforeEach(() => {
  world = new World();
  const lan = new Switch({ clock: world.clock });
  server = new Computer({ world, interfaces: [{ port: lan.plug(), address: "10.0.2.15/24" }] });
  server.load(image);
  station = new Computer({ world, interfaces: [{ port: lan.plug(), address: "10.0.2.16/24" }] });
  until(() => server.debugBoard.includes("\n"));
  expect(server.debugBoard).toBe("Listening on port 80\r\n");
});

/** Lets time pass until something is so, ten seconds at most. */
function until(condition: () => boolean, limit = 10): void {
  world.run({ until: condition, timeout: limit * SECOND });
  expect(condition(), `${condition}, after ${limit} seconds`).toBe(true);
}

const pass = (milliseconds: number): void => world.advance(milliseconds * MS);

/** Changes a setting of the guide's server. */
function set(symbol: string, value: number): void {
  server.memory.set32(server.address(symbol), value);
}

/** A connection to the server that keeps what arrives. */
class Client {
  readonly socket: Socket;
  arrived = "";
  readonly #room = new Uint8Array(65536);
  #waiting = new Uint8Array();

  constructor({ reads = true } = {}) {
    this.socket = station.stack.sockets.stream();
    this.socket.onChange = () => {
      if (reads) this.read();
      this.#push();
    };
    this.socket.connect(parseAddress("10.0.2.15")!, 80);
  }

  /** Sends as soon as there is room for it. */
  send(text: string): this {
    this.#waiting = new Uint8Array(Buffer.concat([this.#waiting, Buffer.from(text, "latin1")]));
    this.#push();
    return this;
  }

  read(): void {
    for (;;) {
      const length = this.socket.receive(this.#room);
      if (typeof length === "string" || length === 0) return;
      this.arrived += Buffer.from(this.#room.subarray(0, length)).toString("latin1");
    }
  }

  #push(): void {
    while (this.#waiting.length > 0) {
      const taken = this.socket.send(this.#waiting);
      if (typeof taken === "string") return;
      this.#waiting = this.#waiting.subarray(taken);
    }
  }

  /** So many responses have arrived, as far as can be told from their beginnings and the last one's end. */
  answered(count: number): boolean {
    return this.arrived.split("HTTP/1.1 ").length > count && this.arrived.endsWith("</html>\n");
  }

  get connected(): boolean {
    return this.socket.state === TcpState.ESTABLISHED;
  }

  /** The server has closed, or the connection is gone. */
  get over(): boolean {
    return !this.connected && this.socket.state !== TcpState.SYN_SENT;
  }

  /** Responses, taken apart by their Content-Length. `head`: they answer HEAD and have no body. */
  responses({ head = false } = {}): { status: number; headers: Map<string, string>; body: string }[] {
    const found = [];
    let rest = this.arrived;
    while (rest !== "") {
      const end = rest.indexOf("\r\n\r\n");
      if (end < 0) throw new Error(`not a whole response: ${rest}`);
      const [status, ...lines] = rest.slice(0, end).split("\r\n");
      const headers = new Map(lines.map((line) => line.toLowerCase().split(": ") as [string, string]));
      const length = head ? 0 : Number(headers.get("content-length"));
      const body = rest.slice(end + 4, end + 4 + length);
      expect(body.length).toBe(length);
      found.push({ status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(status!)![1]), headers, body });
      rest = rest.slice(end + 4 + length);
    }
    return found;
  }
}

const REQUEST = "GET / HTTP/1.1\r\nHost: guest\r\n\r\n";
const LAST_REQUEST = "GET / HTTP/1.1\r\nHost: guest\r\nConnection: close\r\n\r\n";

function statuses(client: Client): number[] {
  return client.responses().map(({ status }) => status);
}

/** A number in the page's table. */
function figure(body: string, name: string): number {
  return Number(new RegExp(`<td>${name}</td><td>(\\d+)</td>`).exec(body)![1]);
}

test("GET / gives a page about the server, with its figures", () => {
  const first = new Client().send(LAST_REQUEST);
  pass(1200);
  const second = new Client().send(REQUEST);
  pass(50);
  const [{ status, headers, body }] = second.responses() as [ReturnType<Client["responses"]>[0]];
  expect(status).toBe(200);
  expect([headers.get("content-type"), headers.get("connection")]).toEqual([
    "text/html; charset=utf-8",
    "keep-alive",
  ]);
  expect(body).toMatch(
    /^<!DOCTYPE html>\n<html lang="en">[\s\S]*<h1>Hello from KolibriOS assembly<\/h1>[\s\S]*<\/html>\n$/,
  );
  expect({
    accepted: figure(body, "Connections accepted"),
    closed: figure(body, "Connections closed"),
    now: figure(body, "Connections now"),
    peak: figure(body, "Most at the same time"),
    requests: figure(body, "Requests answered before this one"),
    received: figure(body, "Bytes received"),
    sent: figure(body, "Bytes sent"),
    seconds: figure(body, "Seconds since the start"),
  }).toEqual({
    accepted: 2,
    closed: 1,
    now: 1,
    peak: 1,
    requests: 1,
    received: LAST_REQUEST.length + REQUEST.length,
    sent: first.arrived.length,
    seconds: 1,
  });
});

test("HEAD gives the same head without the body", () => {
  const get = new Client().send(LAST_REQUEST.replace("/", "/none"));
  const head = new Client().send(LAST_REQUEST.replace("GET /", "HEAD /none"));
  const page = new Client().send(LAST_REQUEST.replace("GET", "HEAD"));
  pass(50);
  expect(head.arrived).toBe(get.arrived.slice(0, get.arrived.indexOf("\r\n\r\n") + 4));
  expect(head.responses({ head: true })[0]!.status).toBe(404);
  expect(page.responses({ head: true })[0]!.status).toBe(200);
});

describe("the connection", () => {
  test("stays open, and closes when it is asked to", () => {
    const client = new Client().send(REQUEST);
    pass(50);
    expect([client.connected, statuses(client)]).toEqual([true, [200]]);
    client.send(LAST_REQUEST);
    pass(50);
    expect([client.over, statuses(client)]).toEqual([true, [200, 200]]);
    expect(client.responses().map(({ headers }) => headers.get("connection"))).toEqual([
      "keep-alive",
      "close",
    ]);
  });

  test.each([
    ["HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", true],
    ["HTTP/1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false],
    ["close among other options", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x ,CLOSE\r\n\r\n", true],
    ["close and keep-alive", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, keep-alive\r\n\r\n", true],
    ["something like close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", false],
  ])("%s", (_, request, closes) => {
    const client = new Client().send(request);
    pass(50);
    expect([statuses(client), client.over]).toEqual([[200], closes]);
  });
});

describe("requests", () => {
  test("may come in pieces", () => {
    const client = new Client();
    for (const letter of LAST_REQUEST) {
      client.send(letter);
      pass(3);
    }
    pass(50);
    expect([statuses(client), client.over]).toEqual([[200], true]);
  });

  test("may come many at once, more than fit anywhere", () => {
    const client = new Client().send(REQUEST.repeat(400) + LAST_REQUEST);
    until(() => client.over);
    expect(statuses(client)).toEqual(Array(401).fill(200));
  });

  test("are answered in full to a client that has closed its own direction", () => {
    const client = new Client().send(REQUEST.repeat(100));
    pass(5);
    client.socket.shutdown("send");
    until(() => client.socket.closed || client.socket.state === TcpState.TIME_WAIT);
    expect(statuses(client)).toEqual(Array(100).fill(200));
  });

  test("wait for a client that does not read, and others do not", () => {
    const slow = new Client({ reads: false }).send(REQUEST.repeat(400));
    pass(500);
    const other = new Client().send(REQUEST);
    until(() => other.answered(1));
    expect(statuses(other)).toEqual([200]);
    until(() => {
      slow.read();
      return slow.answered(400);
    });
    expect(statuses(slow)).toEqual(Array(400).fill(200));
  });

  test("may have bodies, which are passed over", () => {
    const client = new Client().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n");
    pass(20);
    client.send("x".repeat(9999)).send("y").send(LAST_REQUEST);
    pass(100);
    expect(statuses(client)).toEqual([501, 200]);
  });

  test.each([
    ["another path", "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404],
    ["a longer path", "GET /index.html/x HTTP/1.1\r\nHost: a\r\n\r\n", 404],
    ["the page's own name", "GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n", 200],
    ["a query", "GET /?name=value HTTP/1.1\r\nHost: a\r\n\r\n", 200],
    ["an absolute target", "GET http://a/?b HTTP/1.1\r\nHost: a\r\n\r\n", 200],
    ["an absolute target without a path", "GET HTTP://a:80?/b HTTP/1.1\r\nHost: a\r\n\r\n", 200],
    ["lines that end with LF", "GET / HTTP/1.1\nHost: a\n\n", 200],
    ["empty lines before it", "\r\n\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200],
    ["a later minor version", "GET / HTTP/1.9\r\nHost: a\r\n\r\n", 200],
    ["another method", "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 501],
    ["a target that is no path", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 501],
  ])("with %s", (_, request, status) => {
    const client = new Client().send(request);
    pass(50);
    expect([statuses(client), client.connected]).toEqual([[status], true]);
  });

  test.each([
    ["no request line", "hello\r\n\r\n", 400],
    ["no version", "GET /\r\n\r\n", 400],
    ["two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["no path", "GET nothing HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a broken version", "GET / HTTP/1.x\r\nHost: a\r\n\r\n", 400],
    ["a control character", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["a zero byte", "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", 400],
    ["a CR inside a line", "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400],
    ["no Host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400],
    ["a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
    ["a folded line", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400],
    ["no colon", "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n", 400],
    ["an empty name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400],
    ["a length that is none", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n", 400],
    ["a negative length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400],
    ["no length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", 400],
    ["a length beyond 32 bits", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4294967296\r\n\r\n", 400],
    ["two lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
    [
      "length and coding",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
    ],
    ["a coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411],
    ["another version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505],
    ["a head that is too large", `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}`, 431],
  ])("that are wrong are refused and the connection closed: %s", (_, request, status) => {
    const client = new Client().send(request);
    until(() => client.over, 4);
    expect(statuses(client)).toEqual([status]);
  });

  test("that follow a wrong one are not answered, and do not spoil the answer", () => {
    const client = new Client().send(`nonsense\r\n\r\n${REQUEST.repeat(500)}`);
    until(() => client.over, 4);
    expect(statuses(client)).toEqual([400]);
  });
});

test("a client that goes on sending behind its last answer is closed all the same", () => {
  const client = new Client().send("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  until(() => client.answered(1));
  const answered = world.now;
  until(() => {
    if (client.connected) client.send("5\r\nhello\r\n");
    return client.over;
  });
  expect(statuses(client)).toEqual([411]);
  expect(Math.round((world.now - answered) / SECOND)).toBeLessThanOrEqual(2);
  expect(world.now - answered).toBeGreaterThan(SECOND);
});

describe("many clients", () => {
  beforeEach(() => {
    const first = new Client(); // the two stations know each other before a hundred segments wait for an address
    until(() => first.connected);
    first.socket.abort();
    pass(50);
  });

  test("at the same time", () => {
    const clients = Array.from({ length: 100 }, () => new Client().send(REQUEST));
    until(() => clients.every((client) => client.answered(1)));
    expect(clients.map(statuses)).toEqual(Array(100).fill([200]));
    expect(clients.every(({ connected }) => connected)).toBe(true);
  });

  test("one after another", () => {
    for (let i = 0; i < 100; i++) {
      const client = new Client().send(LAST_REQUEST);
      until(() => client.over);
      expect(statuses(client)).toEqual([200]);
    }
  });

  test("of which some stall and some vanish: they are forgotten, the others served", () => {
    const seconds = 3;
    set("tcp_server_config.timeout", seconds);
    const stalled = Array.from({ length: 20 }, () => new Client().send("GET / HT"));
    const reset = Array.from({ length: 20 }, () => new Client().send("GET / HT"));
    const greedy = new Client({ reads: false }).send(REQUEST.repeat(2000));
    pass(500);
    for (const { socket } of reset) socket.abort();
    pass(100);
    const client = new Client().send(REQUEST);
    until(() => client.answered(1));
    expect(figure(client.responses()[0]!.body, "Connections now")).toBe(stalled.length + 2);
    expect(stalled.filter(({ over }) => over)).toEqual([]);
    until(() => stalled.every(({ over }) => over), seconds + 2);
    // A peer that takes nothing cannot be told either, but the server has no slot for it any more.
    until(() => server.memory.u32(server.address("tcp_server.client_count")) === 0, seconds + 2);
    greedy.read();
    const later = new Client().send(REQUEST);
    until(() => later.answered(1));
    expect(figure(later.responses()[0]!.body, "Connections now")).toBe(1);
  });

  test("more than there are slots: the ones beyond are closed at once", () => {
    set("tcp_server_config.max_clients", 8);
    const clients = Array.from({ length: 20 }, () => new Client());
    until(() => clients.filter(({ over }) => over).length === 12);
    const client = clients.find(({ connected }) => connected)!.send(LAST_REQUEST);
    until(() => client.over);
    const { body } = client.responses()[0]!;
    expect([figure(body, "Connections now"), figure(body, "Errors")]).toEqual([8, 12]);
    const next = new Client().send(REQUEST);
    until(() => next.answered(1));
    expect(statuses(next)).toEqual([200]);
  });
});

test("the port may stand in the command line", () => {
  const other = new Computer({ world });
  other.load(image, { args: " 8081" });
  until(() => other.debugBoard.includes("\n"));
  expect(other.debugBoard).toBe("Listening on port 8081\r\n");
});
