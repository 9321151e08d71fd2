import { FOREVER } from "../../base/index.ts";
import {
  type Failure,
  failure,
  type Listener,
  type Outside,
  type OutsideDatagrams,
  type OutsideStream,
  type Place,
} from "./host.ts";

/** The outside of a network that has none: every wish fails, honestly and at once. */
export class NoOutside implements Outside {
  onWake: (() => void) | undefined;
  #answers: (() => void)[] = [];

  connect(to: Place): OutsideStream {
    return {
      ...closed(to),
      remote: to,
      finished: false,
      room: 0,
      read: () => undefined,
      write: () => true,
      end() {},
      reset() {},
    };
  }

  listen(at: Place): Listener {
    return { ...closed(at), close() {} };
  }

  bind(at: Place): OutsideDatagrams {
    return {
      ...closed(at),
      dropped: 0,
      receive: () => undefined,
      send() {},
      takeError: () => undefined,
      close() {},
    };
  }

  reach(peer: Place): OutsideDatagrams {
    return this.bind(peer);
  }

  resolve(name: string, answer: (addresses: readonly string[] | Failure) => void): void {
    this.#answers.push(() => answer({ reason: "prohibited", text: `${name}: ${NOTHING}` }));
  }

  isHost(): boolean {
    return false;
  }

  poll(): boolean {
    const answers = this.#answers;
    this.#answers = [];
    for (const answer of answers) answer();
    if (answers.length > 0) this.onWake?.();
    return answers.length > 0;
  }

  deadline(): number {
    return this.#answers.length > 0 ? 0 : FOREVER;
  }

  async close(): Promise<void> {
    this.#answers = [];
    this.onWake = undefined;
  }
}

const NOTHING = "there is no network outside";

function closed(place: Place) {
  return {
    state: "closed" as const,
    failure: failure("prohibited", place, NOTHING),
    local: place,
    onChange: undefined,
  };
}
