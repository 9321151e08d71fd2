/**
 * `npm run prove network [-- --gigabytes N]`: gigabytes between our TCP and the Linux kernel's over a TAP device in a
 * network namespace, in every direction and opened by either side, over a clean line and over a bad one, with every
 * byte checked by digest; and a tenth of that between two kernels, with our switch and our lines between them. Needs Linux
 * and root.
 */
import { MS, Random } from "../../src/base/index.ts";
import { type Faults, FaultyLink, Nic, parseAddress, Stack } from "../../src/net/index.ts";
import { proofOptions } from "../prove-options.ts";
import { Linux, missing } from "./linux.ts";
import { between, joined, type Transfer, transfer } from "./transfers.ts";

const { values } = proofOptions({ gigabytes: 2, seed: 1, folder: "." });
const total = values.gigabytes * 1e9;
const { folder } = values;
const why = missing();
if (why || !(total > 0)) {
  process.stderr.write(`${why ?? `--gigabytes ${values.gigabytes}: a number above 0 is needed`}\n`);
  process.exit(1);
}

const lines: [string, number, Faults][] = [
  ["a clean line", 0.85, {}],
  [
    "a bad line",
    0.15,
    { loss: 0.002, delay: 1 * MS, jitter: 500, reorder: 0.002, duplicate: 0.002, corrupt: 0.001 },
  ],
];
const ways: Omit<Transfer, "bytes">[] = [
  { direction: "in", opens: "kernel" },
  { direction: "out", opens: "us" },
  { direction: "in", opens: "us" },
  { direction: "out", opens: "kernel" },
];

Linux.script = `${folder}/tap.py`;
const linux = await Linux.start("10.0.2.2/24");
let failed = false;
try {
  const link = new FaultyLink({ port: linux, clock: linux, random: new Random(values.seed) });
  const stack = new Stack({ nics: [new Nic({ port: link, mac: 0x525400000015 })], random: new Random(1) });
  const [address, kernel] = [parseAddress("10.0.2.15")!, "10.0.2.2"];
  stack.configure(0, { address, mask: 0xffffff00 });
  linux.drive(link, stack);
  let port = 5000;
  for (const [name, share, faults] of lines) {
    Object.assign(link.sending, faults);
    Object.assign(link.receiving, faults);
    for (const way of ways) {
      const bytes = Math.round((total * share) / ways.length);
      const about = { stack, address, kernel };
      const before = stack.counters.tcpRetransmitted;
      const seconds = await transfer(linux, `${folder}/peer.py`, about, { ...way, bytes }, port++, 3_600_000);
      const again = stack.counters.tcpRetransmitted - before;
      process.stdout.write(
        `${name}, ${way.direction === "in" ? "from the kernel" : "to the kernel"}, opened by ${way.opens}: ` +
          `${(bytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s, ${(bytes / 1e6 / seconds).toFixed(0)} MB/s, ` +
          `${again} segments sent again, every byte right\n`,
      );
    }
  }
  const far = await Linux.start("10.0.2.3/24");
  const near = await Linux.start("10.0.2.4/24");
  try {
    const link = joined(near, far, ["10.0.2.4", "10.0.2.3"], new Random(values.seed));
    for (const [name, share, faults] of lines) {
      Object.assign(link.sending, faults);
      Object.assign(link.receiving, faults);
      const bytes = Math.round((total * share) / 20);
      for (const [from, to, at] of [
        [near, far, "10.0.2.3"],
        [far, near, "10.0.2.4"],
      ] as const) {
        const began = performance.now();
        await between(from, to, at, port++, `${folder}/peer.py`, bytes);
        const seconds = (performance.now() - began) / 1000;
        process.stdout.write(
          `${name}, from kernel to kernel: ${(bytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s, every byte right\n`,
        );
      }
    }
  } finally {
    await near.stop();
    await far.stop();
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  failed = true;
} finally {
  await linux.stop();
}
process.exit(failed ? 1 : 0);
