import { hex, thousands } from "../../base/index.ts";
import { command, Refusal } from "./command.ts";
import { oneOf } from "./options.ts";
import { addressIn, equipment, load, loadProgram, programOptions } from "./program.ts";
import { Watch, watchOptions } from "./watch.ts";

const options = {
  order: {
    value: "c|pascal",
    help: "which argument is nearest to the return address: the first one, as in C, or the last one (c)",
    read: oneOf("c", "pascal"),
  },
  follow: { help: "when a RET goes where no CALL came from, go on there instead of stopping" },
  ...watchOptions,
  ...programOptions,
} as const;

export const call = command({
  name: "call",
  synopsis: "SOURCE ROUTINE [ARGS]",
  summary: "Calls one routine of a program on a fresh machine and tells how it ended.",
  description:
    "ARGS are numbers, or symbols for their addresses. The exit status is 0 when the routine returned to its caller, " +
    "1 when it ended otherwise, 2 when it could not be called.",
  examples: ["kolibri call asm/guide/listings.asm init_socket_manager --strace"],
  options,
  async run([path, routine, ...args], values, io) {
    const program = await loadProgram(path!, values, io);
    const { image } = program;
    const address = addressIn(image, routine!);
    const numbers = args.map((text) => {
      try {
        return addressIn(image, text);
      } catch (error) {
        throw error instanceof Refusal ? new Refusal(`argument ${text}: ${error.message}`) : error;
      }
    });
    const { Computer, explainStop, World } = await import("./running.ts");
    const watch = new Watch(values, path!, io);
    try {
      const computer = new Computer({
        world: new World({ seed: values.seed ?? 1 }),
        ...(await equipment(values)),
      });
      load(computer, image);
      await watch.attach(computer);
      const result = await computer.goCall(address, numbers, {
        ...(values.order && { order: values.order }),
        ...(values.follow && { astray: "follow" as const }),
        ...watch.limits,
      });
      watch.finish(computer.state);
      const { stop, eax, stackBalance, instructions } = result;
      if (stop.reason === "exit") throw new Refusal(`${routine} did not return: it ended the program`, 1);
      if (stop.reason !== "returned") return explainStop(stop, computer, program, io);
      const facts = [
        `eax = 0x${hex(eax)} (${eax | 0})`,
        stackBalance === 0 ? "arguments left on the stack" : `${stackBalance} bytes of arguments removed`,
        `${thousands(instructions)} instructions`,
      ];
      io.stdout.write(`${routine} returned: ${facts.join(", ")}\n`);
      return 0;
    } finally {
      watch.discard();
    }
  },
});
