import type { Port } from "../net/index.ts";

/** A port whose other side is a part of the host: frames sent there leave this process. */
export interface Outlet extends Port {
  /** In captures and counts. */
  readonly name: string;
  /** What it is, and where: one line for people. */
  readonly description: string;
  /** Frames that could not leave, because the other side was not there or took too little. */
  readonly dropped: number;
  /** Called when a frame may have come. */
  onWake: (() => void) | undefined;
  /** Told, in words for people, when the other side comes or goes. */
  onNews: ((text: string) => void) | undefined;
  close(): Promise<void>;
}
