/**
 * Timelines in packetdrill's language. Ours stand in `timelines/`; those of others are run as well when
 * KOLIBRI_TIMELINES names a folder of them, and how they fared is told, by reason.
 *
 * Of packetdrill's own 177, 94 pass, 27 show what `ELSEWHERE` says, and 56 need what our TCP or this runner has not: zero
 * copy (12), PSP (10), a low-water mark of what is not sent (6), a queue that drops on the way out (`tc`, 5), records' ends and
 * corks (MSG_EOR, MSG_MORE, TCP_CORK; 6), and more of Linux's own.
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
    ["a call it does not know", "+0 > S. 0:0(0) ack 1 <...>\n+0 vmsplice(3, ..., 0) = 4", "unsupported"],
    ["the truth", "+0 > S. 0:0(0) ack 1 win 65535 <mss 1460>", "passed"],
  ])("%s", (_name, end, result) => {
    expect(runTimeline(open + end).result).toBe(result);
  });
});

/** Timelines of packetdrill's own that do not pass and need not, and why. */
const ELSEWHERE: [reason: string, names: string[]][] = [
  ["it is to fail: it shows what packetdrill says then", ["packet-timeout.pkt"]],
  [
    "Linux makes the threshold of the window, RFC 9438 4.6 of what is under way",
    ["cubic-rto-ss-ca-cwnd-bump.pkt"],
  ],
  [
    "Linux has the first HyStart, which leaves slow start at once; RFC 9406 lets the window grow slowly for a while",
    ["cubic-hystart-delay-rtt-jumps-upward.pkt"],
  ],
  [
    "Linux has a state of its own for a window that ECN has reduced, and the threshold is as above",
    ["cwnd-moderation-ecn-enter-cwr-no-moderation-700.pkt"],
  ],
  ["Linux sends a segment whole of which the peer has told to have a part", ["fr-4pkt-fack-last-byte.pkt"]],
  ["Linux's timers are coarse: a quarter of 100 ms takes 40", ["fr-4pkt-fack-last-mss.pkt"]],
  [
    "Linux takes segments without timestamps that were agreed upon, RFC 7323 3.2 would drop them",
    ["inq/client.pkt", "/pure-syn-data.pkt"],
  ],
  [
    "Linux does not count twice what duplicates told of, RFC 5681 3.1 counts what is acknowledged",
    ["limited-transmit-no-sack.pkt", "limited-transmit-sack.pkt"],
  ],
  [
    "Linux lets a program read what comes after it has said that it will not read",
    ["shutdown-rd-wr-close.pkt"],
  ],
  [
    "Linux probes a closed window with an old number, RFC 9293 3.8.6.1 with a byte",
    ["slow-start-after-win-update.pkt"],
  ],
  [
    "Linux holds back an acknowledgement that may go with an answer, ours sends the first sixteen at once",
    [
      "client/blocking-connect-bypass.pkt",
      "client/blocking-sendmsg-multi-iov.pkt",
      "client/blocking-sendto.pkt",
      "client/cookie-less-sendto.pkt",
    ],
  ],
  [
    "who did not know Fast Open's option is asked by Linux once more with the experimental one, which is of the past",
    ["client/fallback-exp-opt.pkt"],
  ],
  [
    "what a SYN could not bring is cut anew, to the segment size agreed upon; Linux keeps its cut",
    ["client/syn-data-only-syn-acked.pkt"],
  ],
  [
    "what goes again because a SYN could not bring it, and is no full segment, makes another small one wait (RFC 9293 A.3); Linux does not count it",
    ["client/nonblocking-sendto-over-mss.pkt"],
  ],
  [
    "Linux tells by D-SACK that a SYN came twice, which RFC 2883 does not speak of",
    ["client/simultaneous-fast-open.pkt"],
  ],
  [
    "Linux announces as MSS what the path takes, RFC 9293 3.7.1 what the link does",
    [
      "syn-data-icmp-unreach-frag-needed-with-seq.pkt",
      "syn-data-icmp-unreach-frag-needed-with-seq-ipv6.pkt",
      "syn-data-icmp-unreach-frag-needed.pkt",
    ],
  ],
  [
    "Linux begins with a small receive buffer that grows",
    ["server/client-ack-dropped-then-recovery-ms-timestamps.pkt"],
  ],
  [
    "of a connection that was reset, and has said so, Linux reads the end of the stream",
    ["server/reset-non-tfo-socket.pkt", "server/opt34/reset-non-tfo-socket.pkt"],
  ],
];

const theirs = process.env.KOLIBRI_TIMELINES;

test.skipIf(!theirs)("timelines of others (KOLIBRI_TIMELINES)", () => {
  const files = readdirSync(theirs!, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".pkt"),
  );
  const counts: Record<string, number> = { passed: 0, failed: 0, unsupported: 0 };
  const missing = new Map<string, number>();
  const failed: string[] = [];
  for (const name of files.sort()) {
    const version = /v6\.pkt$/.test(name) ? "\n--ip_version=ipv6\n" : ""; // as their runner has it, by the name
    const text = readFileSync(join(theirs!, name), "utf8") + version;
    const { result, reason = "" } = runTimeline(text, {}, false);
    counts[result]!++;
    if (result === "unsupported") {
      const what = reason.replace(/^line \d+: /, "");
      missing.set(what, (missing.get(what) ?? 0) + 1);
    } else if (result === "failed") {
      const known = ELSEWHERE.find(([, names]) => names.some((end) => name.endsWith(end)))?.[0];
      failed.push(`  ${name}: ${known ?? `UNEXPLAINED, ${reason}`}`);
    }
  }
  const lacking = [...missing].toSorted(([, a], [, b]) => b - a).map(([what, count]) => `  ${count} ${what}`);
  console.log(
    [
      `${files.length} timelines: ${JSON.stringify(counts)}`,
      "failed:",
      ...failed,
      "unsupported:",
      ...lacking,
    ].join("\n"),
  );
  expect(failed.filter((line) => line.includes("UNEXPLAINED"))).toEqual([]);
});
