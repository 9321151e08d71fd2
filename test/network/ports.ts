import { createSocket } from "node:dgram";

/** Two UDP ports of this host that nobody has now. */
export async function freePorts(): Promise<[number, number]> {
  const sockets = [createSocket("udp4"), createSocket("udp4")];
  const ports: number[] = [];
  for (const socket of sockets) {
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    ports.push(socket.address().port);
  }
  for (const socket of sockets) await new Promise<void>((resolve) => socket.close(resolve));
  return ports as [number, number];
}
