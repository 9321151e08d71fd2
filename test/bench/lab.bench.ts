/**
 * What a laboratory costs by the number of its machines, one echo server to 50 clients, on one switch: each client asks once,
 * over a line of some milliseconds. Building it, running it, and memory that is left when it has run; the processor's time
 * and not the clock's. All machines hear every ARP request, so a part grows with the square.
 */
import { readFileSync } from "node:fs";
import { imageFrom } from "../../src/image/index.ts";
import { describeLab, Lab, written } from "../../src/lab/index.ts";

const SIZES = [51, 102, 204, 408];
const CLIENTS = 50;
const ROUNDS = 2;

function program(name: string) {
  const image = imageFrom(readFileSync(`fixtures/guide/images/${name}.corrected.bin`));
  if ("error" in image) throw new Error(image.error);
  return image;
}
const images = { server: program("echo-server"), client: program("tcp-client") };

function laboratory(machines: number): Lab {
  const groups = Array.from({ length: machines / (CLIENTS + 1) }, (_, i) => i + 1);
  const clients = groups.map((group) => [
    `g${group}`,
    {
      program: "client",
      count: CLIENTS,
      start: "10 ms",
      every: "1 ms",
      address: `10.0.${group}.1/16`,
      arguments: `10.0.0.${group} 7 number {n}`,
      link: { delay: "2 ms", jitter: "1 ms" },
    },
  ]);
  const description = describeLab(
    written({
      machines: {
        server: { program: "server", count: groups.length, address: "10.0.0.1/16" },
        ...Object.fromEntries(clients),
      },
      expect: groups.map((group) => ({ machine: `g${group}-${CLIENTS}`, prints: `number ${CLIENTS}` })),
    }),
  );
  return new Lab(description, { program: ({ program: name }) => images[name as "server"] });
}

const busy = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

for (let round = 0; round <= ROUNDS; round++) {
  for (const machines of SIZES) {
    if (round === 0 && machines !== SIZES[0]) continue; // the first only warms up
    const before = process.memoryUsage();
    const start = busy();
    const lab = laboratory(machines);
    const built = busy();
    const { ok, failed } = lab.run();
    const end = busy();
    if (!ok) throw new Error(`${failed?.text}: ${failed?.why}`);
    if (round === 0) continue;
    const { rss } = process.memoryUsage();
    const megabytes = Math.max(0, rss - before.rss) / 2 ** 20;
    process.stdout.write(
      `  ${String(machines).padStart(4)} machines  ${((built - start) / machines).toFixed(2)} ms each to build, ` +
        `${((end - built) / machines).toFixed(2)} ms each to run, ${megabytes.toFixed(0)} MB more\n`,
    );
  }
}
