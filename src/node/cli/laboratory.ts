/** All that `kolibri lab` needs besides the file. The command imports it when it runs, so that others start fast. */
import type { LabDescription } from "../../lab/index.ts";

export { showCallLine } from "../../kernel/index.ts";
export { describeLab, Lab, LabError, misfit } from "../../lab/index.ts";
export { Patch, showNews, showPublication } from "../../net/index.ts";
export { hostClock } from "../../world.ts";
export { NodeOutside } from "../host.ts";
export { SocketLink } from "../link.ts";
export { parseTap, Tap } from "../tap.ts";
export { parseLab } from "./lab-file.ts";
export { remoteLink } from "./network.ts";

/** The first network: the one of those who name none. */
export const networkNameOf = ({ networks = { lan: {} } }: LabDescription): string =>
  Object.keys(networks)[0]!;
