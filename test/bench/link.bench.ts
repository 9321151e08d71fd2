/** What a frame costs on its way: a cable, a switch that knows where it goes, one that floods, a link with faults, a capture. */
import { ManualClock, Random } from "../../src/base/index.ts";
import { cable, capture, FaultyLink, PcapWriter, type Port, Switch } from "../../src/net/index.ts";
import { compare } from "./measure.ts";

const FRAMES = 1_000_000;
const AT_ONCE = 32;
const clock = new ManualClock();

function frame(to: number, from: number, length = 1514): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes[5] = to;
  bytes[11] = from;
  bytes[12] = 8;
  return bytes;
}

/** Sends frames through in small bursts, as stacks do, and takes them at the other end. */
const through = (near: Port, far: Port, bytes: Uint8Array) => (): number => {
  let taken = 0;
  for (let sent = 0; sent < FRAMES; sent += AT_ONCE) {
    for (let i = 0; i < AT_ONCE; i++) near.send(bytes);
    while (far.receive() !== undefined) taken++;
  }
  if (taken !== FRAMES) throw new Error(`${taken} of ${FRAMES} frames arrived`);
  return taken;
};

function switched(ports: number): [Port, Port] {
  const lan = new Switch({ clock });
  const all = Array.from({ length: ports }, () => lan.plug());
  all.forEach((port, i) => {
    port.send(frame(200, i + 1));
  });
  for (const port of all) while (port.receive() !== undefined);
  return [all[0]!, all[1]!];
}

const [near, far] = cable();
const [first, second] = switched(2);
const [one, other] = switched(100);
const [inner, outer] = cable();
const faulty = new FaultyLink({
  port: inner,
  clock,
  random: new Random(1),
  sending: { corrupt: 1e-9, duplicate: 0 },
});
const [recorded, recordedFar] = cable();
let written = 0;
const writer = new PcapWriter((chunk) => {
  written += chunk.length;
});
const captured = capture(recorded, writer, writer.addInterface({ name: "bench" }), clock);

await compare("frames", [
  { name: "cable", run: through(near, far, frame(2, 1)) },
  { name: "switch of 2", run: through(first, second, frame(2, 1)) },
  { name: "switch of 100", run: through(one, other, frame(2, 1)) },
  { name: "unknown, flooded to 1", run: through(first, second, frame(99, 1)) },
  { name: "link with faults", run: through(faulty, outer, frame(2, 1)) },
  { name: "cable, captured", run: through(captured, recordedFar, frame(2, 1)) },
]);
if (written < FRAMES) throw new Error("nothing was captured");
