import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Io } from "../../src/node/cli/io.ts";
import { BusyLine, bytesText, countText, StatusLine } from "../../src/node/cli/status.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What is written in the first third of a second. */
function shown(stderr: { isTTY?: boolean; columns?: number }, env: Io["env"] = {}): string {
  let text = "";
  const write = (chunk: unknown) => (text += chunk);
  const io = {
    stdout: { write },
    stderr: { ...stderr, write },
    env,
    interrupted: new AbortController().signal,
  };
  const line = new StatusLine(io, () => "how things stand");
  vi.advanceTimersByTime(333);
  line.end();
  return text;
}

test("a line on a terminal, which goes away", () => {
  expect(shown({ isTTY: true })).toBe("\r\x1b[Khow things stand\r\x1b[K");
  expect(shown({ isTTY: true, columns: 8 })).toBe("\r\x1b[Khow thi\r\x1b[K");
});

test("nothing in a pipe, and nothing where it is not wanted", () => {
  expect(shown({})).toBe("");
  expect(shown({ isTTY: true }, { NO_COLOR: "1" })).toBe("");
  expect(shown({ isTTY: true }, { TERM: "dumb" })).toBe("");
});

test("work that gives no turn shows itself after a second, four times a second, and goes away", () => {
  let text = "";
  let now = 0;
  const out = { isTTY: true, write: (chunk: unknown) => (text += chunk) };
  const line = new BusyLine(
    { stdout: out, stderr: out, env: {}, interrupted: new AbortController().signal },
    () => now,
  );
  for (; now <= 1300; now += 50) line.tell(() => `${now}`);
  line.end();
  expect(text).toBe("\r\x1b[K1000\r\r\x1b[K1250\r\r\x1b[K");
});

test("amounts have three digits", () => {
  expect([0, 999, 1000, 1234, 999_600, 5e9].map(bytesText)).toEqual([
    "0 B",
    "999 B",
    "1.00 KB",
    "1.23 KB",
    "1.00 MB",
    "5.00 GB",
  ]);
  expect([7, 45_600].map(countText)).toEqual(["7", "45.6 k"]);
});
