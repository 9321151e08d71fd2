/**
 * The multicast groups of one interface, and what is told the routers about them. IGMPv2 (RFC 2236) and MLDv1
 * (RFC 2710) are one state machine with two spellings: `Membership` says the words.
 */
import { Deadlines, FOREVER, type Micros, type Random, SECOND, type Timed } from "../../base/index.ts";
import type { IpAddress } from "../wire/ip-address.ts";

/** RFC 2236 8.10, RFC 2710 7.10: between the first report of a membership and its repetition. */
export const UNSOLICITED_INTERVAL: Micros = 10 * SECOND;
/** Groups of one interface; a program cannot make us keep more. */
export const MOST_GROUPS = 256;

export interface Membership<A extends IpAddress> {
  report(group: A): void;
  leave(group: A): void;
  /** The groups that everybody is in, of which nothing is ever told (RFC 2236 section 6). */
  isSilent(group: A): boolean;
}

interface Member<A> extends Timed {
  readonly group: A;
  /** Programs that have joined. */
  count: number;
  /** We were the last to report it, so it is for us to tell when we leave (RFC 2236 section 3). */
  reporter: boolean;
  /** The first report is still to be repeated. */
  repeat: boolean;
}

export class Groups<A extends IpAddress> {
  readonly #membership: Membership<A>;
  readonly #random: Random;
  readonly #members = new Map<A, Member<A>>();
  readonly #timers = new Deadlines<Member<A>>();

  constructor(membership: Membership<A>, random: Random) {
    this.#membership = membership;
    this.#random = random;
  }

  has(group: A): boolean {
    return this.#members.has(group);
  }

  all(): A[] {
    return [...this.#members.keys()];
  }

  /** False when there are too many. */
  join(group: A, now: Micros): boolean {
    const member = this.#members.get(group);
    if (member) {
      member.count++;
      return true;
    }
    if (this.#members.size >= MOST_GROUPS) return false;
    const fresh: Member<A> = { group, count: 1, reporter: false, repeat: true, due: FOREVER, slot: -1 };
    this.#members.set(group, fresh);
    if (this.#membership.isSilent(group)) return true;
    this.#timers.set(fresh, now);
    return true;
  }

  leave(group: A): void {
    const member = this.#members.get(group);
    if (member === undefined || --member.count > 0) return;
    this.#members.delete(group);
    this.#timers.remove(member);
    if (member.reporter) this.#membership.leave(group);
  }

  /** A router asks: about `group`, or about all. Answers are spread over `within`. */
  query(group: A | undefined, within: Micros, now: Micros): void {
    for (const member of this.#members.values()) {
      if (group !== undefined && member.group !== group) continue;
      if (this.#membership.isSilent(member.group)) continue;
      const due = now + this.#delay(within);
      if (member.slot < 0 || member.due > due) this.#timers.set(member, due);
    }
  }

  /** Another station has reported the group: the router knows enough. */
  heard(group: A): void {
    const member = this.#members.get(group);
    if (member === undefined || member.slot < 0) return;
    this.#timers.remove(member);
    member.reporter = false;
  }

  deadline(): Micros {
    return this.#timers.first();
  }

  poll(now: Micros): boolean {
    let member = this.#timers.take(now);
    if (member === undefined) return false;
    for (; member !== undefined; member = this.#timers.take(now)) {
      member.reporter = true;
      this.#membership.report(member.group);
      if (!member.repeat) continue;
      // "Non-member" to "delaying member": the first report may get lost.
      member.repeat = false;
      this.#timers.set(member, now + this.#delay(UNSOLICITED_INTERVAL));
    }
    return true;
  }

  #delay(within: Micros): Micros {
    return within > 0 ? this.#random.below(within) + 1 : 1;
  }
}
