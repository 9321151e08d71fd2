/**
 * Loss × delay × window in virtual time: every transfer completes, and its goodput is what it was. The table is a
 * golden (`npx vitest run test/network/matrix -u` renews it): a change of it is a decision about congestion control. Each
 * cell is one throw of the dice: another seed changes those with loss by a tenth and more, so whether a change is for the better
 * is to be asked of many seeds. The last column is what TCP is expected to do: the equation of RFC 5348 section 3.1 for a
 * round trip and a loss, which counts time-outs in (recovery by RACK and tail probes needs fewer of them where the round trip is
 * short), but no window.
 */
import { expect, test } from "vitest";
import { transfer } from "./transfer.ts";

const BYTES = 300_000;
const LOSSES = [0, 0.005, 0.02, 0.1];
const DELAYS = [1_000, 10_000, 100_000];
const WINDOWS = [8_192, 65_535, 524_288];
const MSS = 1448;
/** Seconds of it: srtt and the least above it. */
const rto = (rtt: number): number => rtt + 0.2;

/** kB/s. RFC 5348 3.1: segments of MSS, each acknowledged. */
function expected(loss: number, delay: number): number {
  const rtt = (2 * delay) / 1e6;
  const timeouts = rto(rtt) * 3 * Math.sqrt((3 * loss) / 8) * loss * (1 + 32 * loss * loss);
  return MSS / 1000 / (rtt * Math.sqrt((2 * loss) / 3) + timeouts);
}

/** kB/s. Mathis et al.: the same without time-outs, so nothing is faster for long. */
const most = (loss: number, delay: number): number =>
  MSS / 1000 / (((2 * delay) / 1e6) * Math.sqrt((2 * loss) / 3));

test("goodput by loss, delay and window", async () => {
  const lines = [
    `${BYTES} bytes in each direction at once; loss on each way, delay one way.`,
    "kB/s each way, segments sent again, time-outs",
    "",
    `${"loss".padEnd(8)}${"delay".padEnd(10)}${WINDOWS.map((window) => `window ${window}`.padEnd(24)).join("")}RFC 5348`,
  ];
  for (const loss of LOSSES) {
    for (const delay of DELAYS) {
      const cells = WINDOWS.map((window) => {
        const settings = { receiveBuffer: window, sendBuffer: window };
        const { seconds, retransmitted, timeouts } = transfer(17, BYTES, { loss, delay }, settings);
        return `${(BYTES / 1000 / seconds).toFixed(1).padStart(8)} ${String(retransmitted).padStart(4)} ${String(timeouts).padStart(3)}`;
      });
      const row = cells.map((cell) => cell.padEnd(24)).join("");
      const model = loss === 0 ? "" : expected(loss, delay).toFixed(1).padStart(8);
      lines.push(`${`${loss * 100} %`.padEnd(8)}${`${delay / 1000} ms`.padEnd(10)}${row}${model}`.trimEnd());
    }
  }
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("../../fixtures/network/matrix.txt");
});

test("under loss, goodput is what is expected of TCP, in the middle of many throws", () => {
  for (const loss of [0.02, 0.1])
    for (const delay of [10_000, 100_000]) {
      const settings = { receiveBuffer: 65_535, sendBuffer: 65_535 };
      const throws = Array.from(
        { length: 7 },
        (_, seed) => BYTES / 1000 / transfer(seed + 1, BYTES, { loss, delay }, settings).seconds,
      );
      const middle = throws.toSorted((a, b) => a - b)[3]!;
      expect(middle).toBeGreaterThan(0.75 * expected(loss, delay));
      expect(middle).toBeLessThan(most(loss, delay));
    }
});
