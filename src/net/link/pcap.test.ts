import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { concat, dump, ManualClock, u32le } from "../../base/index.ts";
import { capture, PcapWriter } from "./pcap.ts";
import { cable } from "./port.ts";
import { tap } from "./tap.ts";

const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g)!, (pair) => Number.parseInt(pair, 16));

/** ARP: who has 10.0.2.2? tell 10.0.2.15. 42 bytes, so that the padding to four bytes matters. */
const arp = bytes(
  "ffffffffffff5254000000020806" +
    "0001080006040001" +
    "525400000002" +
    "0a00020f" +
    "000000000000" +
    "0a000202",
);
/** ICMP echo request with eight bytes of data. */
const echo = bytes(
  "5254000000015254000000020800" +
    "4500002400010000400162c80a00020f0a000202" +
    "0800425e123400016b6f6c6962726921",
);

function written(write: (writer: PcapWriter) => void, options = {}): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  write(new PcapWriter((chunk) => chunks.push(chunk), options));
  return chunks;
}

const samples = {
  micros: concat(
    written(
      (writer) => {
        const guest = writer.addInterface({
          name: "guest0",
          description: "first computer",
          mac: 0x525400000002,
        });
        const gateway = writer.addInterface({ name: "gateway" });
        const time = 1_700_000_000_123_456;
        writer.frame({
          interface: guest,
          time,
          bytes: arp,
          direction: "sent",
          comment: "send, listing-1.asm:23 – ж",
        });
        writer.frame({ interface: gateway, time: time + 1, bytes: arp, direction: "received" });
        writer.frame({ interface: guest, time: time + 1_000_000, bytes: echo });
      },
      { comment: "two interfaces" },
    ),
  ),
  nanos: concat(
    written(
      (writer) => {
        const guest = writer.addInterface({ name: "guest1" });
        writer.frame({ interface: guest, time: 12.345, bytes: echo });
        writer.frame({ interface: guest, time: 1_700_000_000_123_457, bytes: echo });
      },
      { resolution: "ns", application: "another" },
    ),
  ),
};

describe("writer", () => {
  test("every chunk is one block that says its own length at both ends, and is a multiple of four", () => {
    for (const length of [14, 15, 16, 17, 1514]) {
      const chunks = written((writer) => {
        writer.addInterface({ name: "x".repeat(length) });
        writer.frame({ interface: 0, time: 0, bytes: new Uint8Array(length), comment: "y".repeat(length) });
      });
      expect(chunks.map((chunk) => u32le(chunk, 0))).toEqual([0x0a0d0d0a, 1, 6]);
      for (const chunk of chunks) {
        expect(chunk.length % 4).toBe(0);
        expect(u32le(chunk, 4)).toBe(chunk.length);
        expect(u32le(chunk, chunk.length - 4)).toBe(chunk.length);
      }
    }
  });

  test("a frame on an interface that was never added is an error of the caller", () => {
    expect(() => written((writer) => writer.frame({ interface: 0, time: 0, bytes: arp }))).toThrow(
      "interface 0",
    );
  });

  test("a text longer than an option can be is cut", () => {
    const [, , packet] = written((writer) => {
      writer.addInterface({ name: "a" });
      writer.frame({ interface: 0, time: 0, bytes: arp, comment: "z".repeat(100_000) });
    });
    expect(u32le(packet!, 4)).toBe(packet!.length);
    expect(packet!.length).toBeLessThan(66_000);
  });

  test.each(Object.entries(samples))(
    "the %s sample is the capture tshark was asked about",
    async (name, sample) => {
      await expect(`${dump(sample)}\n`).toMatchFileSnapshot(`../../../fixtures/pcapng/${name}.txt`);
    },
  );
});

const tshark = spawnSync("tshark", ["--version"]).status === 0;

describe.skipIf(!tshark)(`tshark${tshark ? "" : " (not installed)"}`, () => {
  test.each(Object.entries(samples))(
    "reads every field of the %s sample as written",
    async (name, sample) => {
      const folder = mkdtempSync(join(tmpdir(), "kolibri-pcap-"));
      try {
        const file = join(folder, "sample.pcapng");
        writeFileSync(file, sample);
        const fields = [
          "frame.interface_name",
          "frame.interface_description",
          "frame.packet_flags_direction",
        ];
        fields.push("frame.time_epoch", "frame.len", "_ws.col.Protocol", "_ws.col.Info", "frame.comment");
        const shown = ["-T", "fields", "-E", "separator=|", ...fields.flatMap((field) => ["-e", field])];
        const answer = execFileSync("tshark", ["-r", file, ...shown], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "ignore"],
        });
        await expect(answer).toMatchFileSnapshot(`../../../fixtures/pcapng/${name}.tshark.txt`);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});

describe("around a port", () => {
  test("a tap shows every frame once, in order, and passes on the very same arrays", () => {
    const [here, there] = cable();
    const seen: [Uint8Array, string][] = [];
    const tapped = tap(here, (frame, direction) => seen.push([frame, direction]));
    tapped.send(arp);
    expect(there.receive()).toBe(arp);
    there.send(echo);
    expect(tapped.receive()).toBe(echo);
    expect(tapped.receive()).toBeUndefined();
    expect(seen).toEqual([
      [arp, "sent"],
      [echo, "received"],
    ]);
    expect(seen[0]![0]).toBe(arp);
  });

  test("a capture stamps what passes by its clock", () => {
    const clock = new ManualClock(5);
    const chunks = written((writer) => {
      const [here, there] = cable();
      const port = capture(here, writer, writer.addInterface({ name: "a" }), clock);
      port.send(arp);
      there.send(echo);
      clock.advance(0x1_0000_0002);
      port.receive();
    });
    const stamps = chunks.slice(2).map((chunk) => [u32le(chunk, 12), u32le(chunk, 16)]);
    expect(stamps).toEqual([
      [0, 5],
      [1, 7],
    ]);
  });
});
