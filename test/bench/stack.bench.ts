/** What two stations in one process manage: bulk data, short connections, questions and answers; alone and in a crowd. */
import { bytesOf, ManualClock, Random } from "../../src/base/index.ts";
import { cable, Nic, type Port, type Socket, Stack, Switch, type TcpSettings } from "../../src/net/index.ts";
import { compare } from "./measure.ts";

const A = 0x0a00020f;
const B = 0x0a000202;
const BULK = 100_000_000;
const CONNECTIONS = 5_000;
const QUESTIONS = 20_000;
const CROWD = 5_000;

class Bench {
  readonly a: Stack;
  readonly b: Stack;
  now = 0;

  constructor([near, far]: [Port, Port] = cable(), tcp: Partial<TcpSettings> = {}, offload = false) {
    const nic = (port: Port, mac: number) => new Nic({ port, mac, offload });
    this.a = new Stack({ nics: [nic(near, 0x52540000000f)], random: new Random(1), tcp });
    this.b = new Stack({ nics: [nic(far, 0x525400000002)], random: new Random(2), tcp });
    this.a.configure(0, { address: A, mask: 0xffffff00 });
    this.b.configure(0, { address: B, mask: 0xffffff00 });
  }

  turn(): void {
    this.a.poll(this.now);
    this.b.poll(this.now);
    this.now += 1;
  }

  settle(): void {
    while (this.a.poll(this.now) || this.b.poll(this.now));
  }

  listen(port: number): Socket {
    const listener = this.b.sockets.stream();
    listener.bind(0, port);
    listener.listen(1000);
    return listener;
  }

  connect(listener: Socket): [Socket, Socket] {
    const client = this.a.sockets.stream();
    client.connect(B, listener.local.port);
    this.settle();
    const server = listener.accept();
    if (typeof server === "string") throw new Error(server);
    return [client, server];
  }
}

function bulk(bench: Bench): () => number {
  const [client, server] = bench.connect(bench.listen(9));
  const chunk = new Uint8Array(65536).fill(7);
  const into = new Uint8Array(65536);
  return () => {
    let sent = 0;
    let got = 0;
    while (got < BULK) {
      if (sent < BULK) {
        const taken = client.send(chunk);
        if (typeof taken === "number") sent += taken;
      }
      bench.turn();
      for (let read = server.receive(into); typeof read === "number"; read = server.receive(into))
        got += read;
    }
    return got;
  };
}

function pingPong(bench: Bench): () => number {
  const [client, server] = bench.connect(bench.listen(7));
  const text = new Uint8Array(64);
  const into = new Uint8Array(64);
  return () => {
    for (let i = 0; i < QUESTIONS; i++) {
      client.send(text);
      bench.turn();
      server.receive(into);
      server.send(into);
      bench.turn();
      bench.turn();
      if (client.receive(into) !== 64) throw new Error("no answer");
    }
    return QUESTIONS;
  };
}

/** Connect, ask, be answered, close: as a server of short requests lives. */
function short(bench: Bench): () => number {
  const listener = bench.listen(80);
  const into = new Uint8Array(100);
  return () => {
    for (let i = 0; i < CONNECTIONS; i++) {
      const [client, server] = bench.connect(listener);
      client.send(bytesOf("GET / HTTP/1.1\r\n\r\n"));
      bench.settle();
      server.receive(into);
      server.send(bytesOf("HTTP/1.1 200 OK\r\n\r\nhello"));
      server.close();
      bench.settle();
      client.receive(into);
      client.close();
      bench.settle();
      bench.now += 10_000;
    }
    return CONNECTIONS;
  };
}

function datagrams(bench: Bench): () => number {
  const server = bench.b.sockets.datagram();
  server.bind(0, 9);
  const client = bench.a.sockets.datagram();
  client.connect(B, 9);
  bench.settle();
  const payload = new Uint8Array(1000);
  const into = new Uint8Array(1000);
  client.send(payload);
  bench.settle();
  server.receive(into);
  return () => {
    let got = 0;
    while (got < 200_000) {
      for (let i = 0; i < 32; i++) client.send(payload);
      bench.turn();
      while (typeof server.receive(into) === "number") got++;
    }
    return got;
  };
}

function crowded(): Bench {
  const bench = new Bench();
  const listener = bench.listen(22);
  for (let i = 0; i < CROWD; i++) {
    const [client, server] = bench.connect(listener);
    client.options.keepAlive = server.options.keepAlive = true;
    client.send(bytesOf("x"));
    bench.settle();
    bench.now += 50_000; // its delayed acknowledgement
    bench.settle();
  }
  return bench;
}

function switched(): [Port, Port] {
  const lan = new Switch({ clock: new ManualClock() });
  return [lan.plug(), lan.plug()];
}

process.stdout.write("bytes of TCP payload\n");
await compare("B", [
  { name: "on a cable", run: bulk(new Bench()) },
  { name: "across a switch", run: bulk(new Bench(switched())) },
  { name: "across a switch, offload", run: bulk(new Bench(switched(), {}, true)) },
  { name: "among 5000 idle connections", run: bulk(crowded()) },
]);
process.stdout.write("64 bytes to and fro\n");
await compare("round trips", [
  { name: "alone", run: pingPong(new Bench()) },
  { name: "among 5000 idle connections", run: pingPong(crowded()) },
]);
process.stdout.write("connect, ask, be answered, close\n");
await compare("connections", [
  { name: "one after another", run: short(new Bench(cable(), { timeWait: 1_000_000 })) },
]);
process.stdout.write("datagrams of 1000 bytes\n");
await compare("datagrams", [{ name: "on a cable", run: datagrams(new Bench()) }]);
