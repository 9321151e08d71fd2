import { basename } from "node:path";
import type { Image } from "../../image/index.ts";
import type { ServiceNews } from "../../net/index.ts";
import { command } from "./command.ts";
import type { Network } from "./network.ts";
import { type Options, oneOf } from "./options.ts";
import { addressIn, equipment, load, loadProgram, programOptions } from "./program.ts";
import { Watch, watchOptions } from "./watch.ts";

/** With none of these nothing happens on the network unless the program begins. */
const networkOptions = {
  publish: {
    value: "[HOST:]PORT:GUESTPORT[/udp]",
    many: true,
    help: "make a port of the program reachable at a port of this host; HOST is 127.0.0.1 unless given",
  },
  outbound: {
    value: "RULE,…",
    optional: true,
    help:
      "let the program reach the network outside (never this computer itself), or only what rules such as " +
      "192.0.2.0/24:80, 192.0.2.1:53/udp and [2001:db8::/32]:443 allow",
  },
  "host-port": {
    value: "PORT[:[[::1]:]HOSTPORT][/udp]",
    many: true,
    help: "let the program reach a port of this computer itself, at the gateway's addresses (10.0.2.2, fd00::2)",
  },
  service: {
    value: "KIND[=VALUE]",
    many: true,
    help:
      "a server on the program's network, at its third address (10.0.2.3): dns[=NAME:ADDRESS,…], dhcp[=FIRST-LAST[,BOOTFILE]], " +
      "http[=FOLDER], ftp[=FOLDER], tftp[=FOLDER], ntp, smtp, syslog, echo, discard, daytime, chargen",
  },
  "service-log": { value: "FILE", optional: true, help: "one line for whatever the servers are asked" },
  nic: {
    value: "ADDRESS/LENGTH[@NETWORK]",
    many: true,
    help: "another card, on a network of its own (eth1, eth2 …), or one that several share; none: without an address",
  },
  tap: {
    value: "NAME[,ADDRESS/LENGTH][@NETWORK]",
    many: true,
    help: "make a TAP device on the program's network (Linux, root), with an address for this host if you like",
  },
  link: {
    value: "KIND:PLACE[@NETWORK]",
    many: true,
    help:
      "join the program's network with another kolibri's, or a QEMU guest: listen:PORT, connect:HOST:PORT, " +
      "udp:LOCALPORT:HOST:PORT",
  },
  address: {
    value: "ADDRESS/LENGTH[,…]",
    help: "the program's own (10.0.2.15/24); IPv6 runs when there is one of it: 10.0.2.15/24,fd00::15/64",
  },
  gateway: {
    value: "ADDRESS",
    help: "where its default route leads (the network's second address: 10.0.2.2, and of IPv6 fd00::2)",
  },
  pcap: {
    value: "FILE",
    help: "write every frame at every interface, as pcapng; comments tell which system call, frame or timer sent it",
  },
} as const;

const options = {
  ...networkOptions,
  ...watchOptions,
  ...programOptions,
  congestion: {
    value: "reno|cubic",
    help: "how the window of its TCP grows after a loss: RFC 5681 or RFC 9438 (reno)",
    read: oneOf("reno", "cubic"),
    advanced: true,
  },
  abi: {
    value: "NAME",
    help: "the system calls it knows: guide (the only one so far)",
    read: oneOf("guide"),
    advanced: true,
  },
  entry: { value: "SYMBOL|ADDRESS", help: "begin there instead of where the program says", advanced: true },
} as const;

export const run = command({
  name: "run",
  synopsis: "PROGRAM [ARGS]",
  summary: "Runs a program: a source, which is assembled first, or an image.",
  description:
    "PROGRAM may be -, standard input. What the program writes to the debug board goes to standard output. The exit status is 0 when the program ended " +
    "itself, 1 when it was stopped (a fault, a wait for what cannot come, a limit), 2 when it could not be started.",
  examples: [
    "kolibri run asm/hello.asm",
    "kolibri run asm/echo-server.asm --corrections asm/guide/corrections.json --publish 8007:7",
    "sudo kolibri run asm/http-server.asm --corrections asm/guide/corrections.json --tap kol0",
    "kolibri run asm/echo-server.asm --corrections asm/guide/corrections.json --link listen:5000",
    "kolibri run tool.kex --strace -- -v file",
  ],
  options,
  async run([path, ...args], values, io) {
    const program = await loadProgram(path!, values, io);
    const image: Image =
      values.entry === undefined
        ? program.image
        : { ...program.image, entry: addressIn(program.image, values.entry) };
    const running = await import("./running.ts");
    const { Computer, explainStop, hostClock, UsualNetwork, World } = running; // the others belong to the network
    const wishes = isGiven(networkOptions, values) ? running.networkWishes(values) : undefined;
    const real = wishes !== undefined && running.reachesOutside(wishes);
    const watch = new Watch(values, path!, io);
    let network: Network | undefined;
    try {
      const world = new World({ seed: values.seed ?? 1, ...(real && { clock: hostClock() }) });
      if (wishes !== undefined) {
        const pcap = values.pcap === undefined ? undefined : watch.open(values.pcap);
        const epoch = real ? Math.floor(Date.now() * 1000) : 0;
        const log = watch.lines(values["service-log"]);
        const onNews =
          log && ((kind: string, news: ServiceNews) => log(newsLine(kind, news.at, running.showNews(news))));
        network = new running.Network(world, { ...wishes, onNews, pcap, epoch });
      }
      const computer = new Computer({
        world,
        interfaces: network?.interfaces ?? new UsualNetwork(world, values),
        ...clock(real),
        ...(await equipment(values)),
        ...(values.congestion && { tcp: { congestion: values.congestion } }),
      });
      load(computer, image, { args: args.join(" "), path: `/rd/1/${basename(path!)}` });
      await watch.attach(computer);
      network?.explain(computer);
      await network?.open();
      const progress = network && new running.Progress(computer, network, program, io);
      if (progress) watch.beforeOutput = progress.clear;
      progress?.begin();
      const stop = await computer.go(watch.limits);
      if (stop.reason === "exit" && real) await network?.drain(computer, io.interrupted);
      progress?.end();
      watch.finish(computer.state);
      return explainStop(stop, computer, program, io);
    } finally {
      watch.discard();
      await network?.close();
    }
  },
});

/** Whether the command line has one of these options. */
const isGiven = (some: Options, values: Readonly<Record<string, unknown>>): boolean =>
  Object.keys(some).some((name) => [values[name] ?? []].flat().length > 0);

const newsLine = (kind: string, at: number, text: string): string =>
  `${(at / 1e6).toFixed(6).padStart(12)} ${kind} ${text}`;

/** What the computer's clock shows at the start: local time when the outside takes part, else always the same. */
function clock(real: boolean): { startOfClock?: number } {
  if (!real) return {};
  const now = new Date();
  return { startOfClock: Math.floor(now.getTime() / 1000) - now.getTimezoneOffset() * 60 };
}
