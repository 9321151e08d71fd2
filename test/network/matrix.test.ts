/**
 * Loss × delay × window in virtual time: every transfer completes, and its goodput is what it was. The table is a
 * golden (`npx vitest run test/network/matrix -u` renews it): a change of it is a decision about congestion control. Each
 * cell is one throw of the dice: another seed changes those with loss by a tenth and more, so whether a change is for the better
 * is to be asked of many seeds.
 */
import { expect, test } from "vitest";
import { transfer } from "./transfer.ts";

const BYTES = 300_000;
const LOSSES = [0, 0.005, 0.02, 0.1];
const DELAYS = [1_000, 10_000, 100_000];
const WINDOWS = [8_192, 65_535, 524_288];

test("goodput by loss, delay and window", async () => {
  const lines = [
    `${BYTES} bytes in each direction at once; loss on each way, delay one way.`,
    "kB/s each way, segments sent again, time-outs",
    "",
    `${"loss".padEnd(8)}${"delay".padEnd(10)}${WINDOWS.map((window) => `window ${window}`.padEnd(24)).join("")}`.trimEnd(),
  ];
  for (const loss of LOSSES) {
    for (const delay of DELAYS) {
      const cells = WINDOWS.map((window) => {
        const settings = { receiveBuffer: window, sendBuffer: window };
        const { seconds, retransmitted, timeouts } = transfer(17, BYTES, { loss, delay }, settings);
        return `${(BYTES / 1000 / seconds).toFixed(1).padStart(8)} ${String(retransmitted).padStart(4)} ${String(timeouts).padStart(3)}`;
      });
      const row = cells.map((cell) => cell.padEnd(24)).join("");
      lines.push(`${`${loss * 100} %`.padEnd(8)}${`${delay / 1000} ms`.padEnd(10)}${row}`.trimEnd());
    }
  }
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("../../fixtures/network/matrix.txt");
});
