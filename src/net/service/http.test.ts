import { describe, expect, test } from "vitest";
import { beside } from "../../../test/network/beside.ts";
import { bytesOf, latin1, SECOND } from "../../base/index.ts";
import { bodyText, type HttpOptions, HttpServer, headerOf } from "./http.ts";

function talking(options: Partial<HttpOptions> = {}) {
  const pages = {
    "/": "<p>kolibri</p>",
    "/bytes": { body: Uint8Array.of(0, 255), headers: { "X-A": "b" } },
    "/no": { status: 204, body: "" },
  };
  const { it, service } = beside((stack) => new HttpServer({ stack, pages, ...options }));
  /** Sends each piece as a segment of its own, then half-closes unless told otherwise; all that is answered. */
  const say = (pieces: readonly string[], halfClose = true): string => {
    const socket = it.a.sockets.stream();
    socket.options.noDelay = true;
    socket.connect(0x0a000202, 80);
    it.run(() => socket.writable);
    for (const piece of pieces) {
      socket.send(bytesOf(piece));
      it.settle();
    }
    if (halfClose) socket.shutdown("send");
    let answer = "";
    const into = new Uint8Array(65536);
    it.run(
      () => {
        for (let got = socket.receive(into); typeof got === "number" && got > 0; got = socket.receive(into))
          answer += latin1(into.subarray(0, got));
        return socket.state === 7 || socket.state === 0 || socket.state === 10;
      },
      it.now + 2 * SECOND,
    );
    socket.close();
    it.run(() => false, it.now + SECOND);
    return answer;
  };
  return { service, say, it };
}

const GET = "GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
const DATE = "Thu, 01 Jan 2026 00:00:00 GMT";

describe("the HTTP server", () => {
  test("a page, as it goes over the wire", () => {
    const { say, service } = talking();
    expect(say([GET])).toBe(
      [
        "HTTP/1.1 200 OK",
        `Date: ${DATE}`,
        "Server: kolibri-emu",
        "Content-Type: text/html; charset=utf-8",
        "Content-Length: 14",
        "Connection: keep-alive",
        "",
        "<p>kolibri</p>",
      ].join("\r\n"),
    );
    expect(service.requests.entries).toMatchObject([
      { method: "GET", target: "/", path: "/", version: "HTTP/1.1", headers: [["Host", "lab"]], status: 200 },
    ]);
    expect(service.connections).toBe(0);
  });

  test("in single bytes, pipelined, in the order asked", () => {
    const { say, service } = talking();
    const answer = say([
      ...`${GET}HEAD /bytes?x#y HTTP/1.1\r\nhost: lab\r\n\r\nGET /no HTTP/1.1\r\nHost: lab\r\n\r\n`,
    ]);
    expect(answer.match(/HTTP\/1.1 \d+ [\w ]+/g)).toEqual([
      "HTTP/1.1 200 OK",
      "HTTP/1.1 200 OK",
      "HTTP/1.1 204 No Content",
    ]);
    expect(answer).toContain("Content-Length: 2\r\nConnection: keep-alive\r\nX-A: b\r\n\r\nHTTP/1.1 204");
    expect(service.requests.entries.map(({ path }) => path)).toEqual(["/", "/bytes", "/no"]);
  });

  test("bodies: by length, in chunks, and announced", () => {
    const { say, service } = talking({ answer: (request) => ({ body: `got ${request.body.length}` }) });
    const long = say([
      "POST /a HTTP/1.1\r\nHost: l\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
      "hel",
      "lo",
    ]);
    expect(long).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/);
    const chunked = "PUT /b HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n";
    const answer = say([...`${chunked}3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n${GET}`]);
    expect(answer.match(/got \d+/g)).toEqual(["got 13", "got 0"]);
    expect(service.requests.entries.map(bodyText)).toEqual(["hello", "abc0123456789", ""]);
    expect(headerOf(service.requests.entries[1]!, "transfer-encoding")).toBe("chunked");
  });

  test.each([
    ["GET /nowhere HTTP/1.1\r\nHost: l\r\n\r\n", "404 Not Found"],
    ["DELETE / HTTP/1.1\r\nHost: l\r\n\r\n", "405 Method Not Allowed"],
    ["GET / HTTP/1.1\r\n\r\n", "400 Bad Request"],
    ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request"],
    ["GET  / HTTP/1.1\r\n", "400 Bad Request"],
    ["hello\r\n", "400 Bad Request"],
    ["GET /%zz HTTP/1.1\r\n", "400 Bad Request"],
    ["GET / HTTP/2.0\r\n", "505 HTTP Version Not Supported"],
    ["GET / HTTP/1.1\r\nHost : l\r\n", "400 Bad Request"],
    ["POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400 Bad Request"],
    [
      "POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "400 Bad Request",
    ],
    ["POST / HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented"],
    ["POST / HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400 Bad Request"],
    ["POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 99999999\r\n\r\n", "413 Content Too Large"],
    [`GET /${"a".repeat(9000)} HTTP/1.1\r\n`, "414 URI Too Long"],
    [`GET / HTTP/1.1\r\nHost: l\r\nA: ${"a".repeat(9000)}\r\n`, "431 Request Header Fields Too Large"],
    [`GET / HTTP/1.1\r\n${"A: b\r\n".repeat(201)}`, "431 Request Header Fields Too Large"],
  ])("%j is answered %s", (request, status) => {
    const { say, service } = talking();
    expect(say([request], false)).toContain(`HTTP/1.1 ${status}\r\n`);
    expect(service.requests.entries.length).toBeLessThan(2);
  });

  test("an old client gets one page and the end", () => {
    const { say } = talking();
    expect(say(["GET / HTTP/1.0\r\n\r\n"], false)).toContain("Connection: close\r\n\r\n<p>kolibri</p>");
  });

  test("a large page goes through a small window, whole", () => {
    const body = Uint8Array.from({ length: 1_000_000 }, (_, index) => index * 7 + (index >> 8));
    const { say } = talking({ pages: { "/": { body } } });
    const answer = say([GET]);
    expect(answer.slice(answer.indexOf("\r\n\r\n") + 4) === latin1(body)).toBe(true);
  });

  test("whoever asks without reading is read no further; whoever says nothing is let go", () => {
    const { it, service } = talking({ pages: { "/": "x".repeat(100_000) }, idle: 10 * SECOND });
    const socket = it.a.sockets.stream();
    socket.connect(0x0a000202, 80);
    it.run(() => socket.writable);
    for (let round = 0; round < 5000; round++) {
      if (socket.send(bytesOf(GET)) === "would-block") break;
      it.settle();
    }
    expect(service.requests.entries.length).toBeLessThan(30);
    expect(service.connections).toBe(1);
    it.run(() => service.connections === 0, it.now + 60 * SECOND);
    expect(service.connections).toBe(0);
    // Probes of the closed window push a few more bytes through, so it takes longer than the ten seconds.
    expect(it.now).toBeGreaterThanOrEqual(10 * SECOND);
  });

  test("switched off, it resets; switched on, it serves", () => {
    const { service, say } = talking();
    service.stop();
    expect(() => say([GET])).not.toThrow();
    expect(service.requests.entries).toHaveLength(0);
    service.start();
    expect(say([GET])).toContain("200 OK");
  });
});
