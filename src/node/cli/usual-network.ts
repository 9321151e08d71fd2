import { FOREVER, type Micros } from "../../base/index.ts";
import type { InterfaceOptions, QuietNetwork } from "../../computer.ts";
import type { Moving, World } from "../../world.ts";
import { Network, type NetworkValues, networkWishes } from "./network.ts";

/** The network of a program for which nothing was opened: just a gateway. It is made when the program wants it. */
export class UsualNetwork implements QuietNetwork, Moving {
  readonly #world: World;
  readonly #values: NetworkValues;
  #gateway: Moving | undefined;

  constructor(world: World, values: NetworkValues) {
    this.#world = world;
    this.#values = values;
    world.add(this);
  }

  interfaces(): readonly InterfaceOptions[] {
    const { interfaces } = new Network(this.#world, networkWishes(this.#values), (gateway) => {
      this.#gateway = gateway;
    });
    return interfaces;
  }

  poll(now: Micros): boolean {
    return this.#gateway?.poll(now) ?? false;
  }

  deadline(): Micros {
    return this.#gateway?.deadline() ?? FOREVER;
  }
}
