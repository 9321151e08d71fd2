import { type Micros, SECOND } from "../../base/index.ts";
import type { Asking, Outcome } from "../call.ts";

/** Whole seconds since the computer's clock began. */
export function seconds({ kernel, now }: Asking): Outcome {
  return Math.floor((now - kernel.start) / SECOND);
}

/** The time of day as 0x00SSMMHH in binary coded decimal (sysfuncs: function 3). */
export function timeOfDay({ kernel, now }: Asking): Outcome {
  const time = kernel.startOfClock + Math.floor((now - kernel.start) / SECOND);
  const bcd = (value: number): number => Math.floor(value / 10) * 16 + (value % 10);
  return (bcd(time % 60) << 16) | (bcd(Math.floor(time / 60) % 60) << 8) | bcd(Math.floor(time / 3600) % 24);
}

const HUNDREDTH: Micros = SECOND / 100;

/** Waits so many hundredths of a second; 0 lets others run and goes on. */
export function delay({ kernel, now, since }: Asking, hundredths: number): Outcome {
  if (hundredths === 0) {
    kernel.yield();
    return undefined;
  }
  const until = since + hundredths * HUNDREDTH;
  return now >= until ? undefined : { until };
}
