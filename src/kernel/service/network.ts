import { setU32le } from "../../base/index.ts";
import { type Address, type IpConfiguration, maskOf, type Nic, type Stack } from "../../net/index.ts";
import type { Asking, Outcome } from "../call.ts";
import { type GuestBytes, swapped } from "../kinds.ts";

/** Network interfaces, numbered from 0: the cards of the computer. */

export function countInterfaces({ kernel }: Asking): Outcome {
  return kernel.stack?.nics.length ?? 0;
}

/**
 * Bytes of the record: name[16], type, mtu, flags, address, mask, gateway, MAC[6], then packets, bytes and errors,
 * received before sent. No field is aligned behind the MAC.
 */
export const INTERFACE_RECORD = 70;

/** Types as function 74 of KolibriOS numbers them: 0 loopback, 1 Ethernet. */
const ETHERNET = 1;
/** Up and able to broadcast: bits 0 and 1, as SIOCGIFFLAGS has them; and, */
const UP_BROADCAST = 0x03;
/** while the card's link stands (its cable is not cut, its radio is associated), running. */
const RUNNING = 0x40;

export function readInterface({ kernel }: Asking, index: number, room: GuestBytes): Outcome {
  const { stack } = kernel;
  const nic = stack?.nics[index];
  if (!stack || !nic) return "no-device";
  return room.write(record(stack, index, nic)) ? 0 : "bad-address";
}

function record(stack: Stack, index: number, { name, mtu, mac, counters, linked }: Nic): Uint8Array {
  const { address, mask, gateway } = stack.configuration(index);
  const bytes = new Uint8Array(INTERFACE_RECORD);
  for (let i = 0; i < Math.min(name.length, 15); i++) bytes[i] = name.charCodeAt(i);
  const flags = UP_BROADCAST | (linked ? RUNNING : 0);
  const words = [ETHERNET, mtu, flags, swapped(address), swapped(mask), swapped(gateway)];
  for (const [i, word] of words.entries()) setU32le(bytes, 16 + 4 * i, word);
  for (let i = 0; i < 6; i++) bytes[40 + i] = Math.floor(mac / 2 ** (8 * (5 - i))) % 256;
  const { rxPackets, txPackets, rxBytes, txBytes, rxErrors, txErrors } = counters;
  const counts = [rxPackets, txPackets, rxBytes, txBytes, rxErrors, txErrors];
  // Counters are 32 bits wide and wrap around.
  for (const [i, count] of counts.entries()) setU32le(bytes, 46 + 4 * i, count % 2 ** 32);
  return bytes;
}

export function setAddress(asking: Asking, index: number, address: Address): Outcome {
  return configure(asking, index, { address });
}

/** A mask is ones, then zeros; anything else is invalid. */
export function setMask(asking: Asking, index: number, mask: Address): Outcome {
  const isMask = maskOf(Math.clz32(~mask)) === mask;
  return configure(asking, index, isMask ? { mask } : "invalid");
}

export function setGateway(asking: Asking, index: number, gateway: Address): Outcome {
  return configure(asking, index, { gateway });
}

function configure({ kernel }: Asking, index: number, part: Partial<IpConfiguration> | "invalid"): Outcome {
  if (!kernel.stack?.nics[index]) return "no-device";
  if (part === "invalid") return part;
  kernel.stack.configure(index, part);
  return 0;
}
