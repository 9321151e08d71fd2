/**
 * Timelines in packetdrill's language. Ours stand in `timelines/`; those of others are run as well when
 * KOLIBRI_TIMELINES names a folder of them, and how they fared is told.
 *
 * Of packetdrill's own 177, 28 pass. Most others need what our TCP has not: Fast Open (63), ECN, segments that end a record
 * or wait to be filled (MSG_EOR, TCP_CORK), or calls and options that are Linux's own (zero copy, time stamps, PSP). Those
 * that fail show where Linux does more (RACK's reordering timer, PRR, HyStart) or otherwise than the RFCs say.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runTimeline } from "./timeline.ts";

const ours = fileURLToPath(new URL("timelines/", import.meta.url));

test.each(readdirSync(ours).filter((name) => name.endsWith(".pkt")))("%s", (name) => {
  expect(runTimeline(readFileSync(join(ours, name), "utf8"))).toEqual({
    result: "passed",
    skippedAssertions: 0,
  });
});

describe("the runner itself", () => {
  const open = `
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 32792 <mss 1000>
  `;

  test.each([
    ["a wrong number", "+0 > S. 1:1(0) ack 1 <mss 1460>", "failed"],
    ["a wrong flag", "+0 > S 0:0(0) ack 1 <mss 1460>", "failed"],
    ["a wrong acknowledgement", "+0 > S. 0:0(0) ack 2 <mss 1460>", "failed"],
    ["a wrong option", "+0 > S. 0:0(0) ack 1 <mss 1460,sackOK>", "failed"],
    ["a wrong window", "+0 > S. 0:0(0) ack 1 win 5 <mss 1460>", "failed"],
    ["too late", "+.1 > S. 0:0(0) ack 1 <mss 1460>", "failed"],
    ["nothing said of what is sent", "", "failed"],
    ["more than is sent", "+0 > S. 0:0(0) ack 1 <mss 1460>\n+0 > . 1:1(0) ack 1", "failed"],
    ["a wrong answer", "+0 > S. 0:0(0) ack 1 <...>\n+0 accept(3, ..., ...) = 4", "failed"],
    ["a call it does not know", "+0 > S. 0:0(0) ack 1 <...>\n+0 sendmsg(3, ..., 0) = 4", "unsupported"],
    ["the truth", "+0 > S. 0:0(0) ack 1 win 65535 <mss 1460>", "passed"],
  ])("%s", (_name, end, result) => {
    expect(runTimeline(open + end).result).toBe(result);
  });
});

const theirs = process.env.KOLIBRI_TIMELINES;

test.skipIf(!theirs)("timelines of others (KOLIBRI_TIMELINES)", () => {
  const files = readdirSync(theirs!, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".pkt"),
  );
  const counts: Record<string, number> = { passed: 0, failed: 0, unsupported: 0 };
  for (const name of files.sort()) {
    const { result, reason } = runTimeline(readFileSync(join(theirs!, name), "utf8"), {}, false);
    counts[result]!++;
    if (result === "failed") console.log(`${name}: ${reason}`);
  }
  console.log(`${files.length} timelines: ${JSON.stringify(counts)}`);
  expect(files.length).toBeGreaterThan(0);
});
