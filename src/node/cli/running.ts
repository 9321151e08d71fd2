/** All that running a program needs besides its bytes. Commands import it when they run one, so that they start fast. */
export { Computer } from "../../computer.ts";
export { guide } from "../../kernel/index.ts";
export { showNews } from "../../net/index.ts";
export { hostClock, World } from "../../world.ts";
export { Network, networkWishes, reachesOutside } from "./network.ts";
export { Progress } from "./progress.ts";
export { explainStop } from "./stop.ts";
export { UsualNetwork } from "./usual-network.ts";
