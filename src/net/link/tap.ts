import type { Port } from "./port.ts";

/** As the station that holds the port sees it. */
export type Direction = "sent" | "received";

/** Shown every frame as it passes; must not change it. */
export type FrameObserver = (frame: Uint8Array, direction: Direction) => void;

/** The same port, with every frame shown to `observe` first: sent ones before they leave, received ones as they are taken. */
export function tap(port: Port, observe: FrameObserver): Port {
  return {
    send(frame) {
      observe(frame, "sent");
      port.send(frame);
    },
    receive() {
      const frame = port.receive();
      if (frame !== undefined) observe(frame, "received");
      return frame;
    },
    watch: (arrived) => port.watch?.(arrived) ?? false,
    get linked() {
      return port.linked ?? true;
    },
  };
}
