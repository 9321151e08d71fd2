/** The world's clock counts from 0; a calendar says which day that was. */
import { type Micros, MS } from "../../base/index.ts";

/** 2026-01-01 00:00:00 UTC: any day will do, as long as it is always the same. */
export const DEFAULT_EPOCH_MS = 1_767_225_600_000;

/** Which moment of the civil calendar (UTC) the world's clock began at. */
export class Calendar {
  /** Milliseconds since 1970-01-01 00:00:00 UTC at the clock's 0. */
  readonly epochMs: number;

  constructor(epochMs = DEFAULT_EPOCH_MS) {
    if (!Number.isSafeInteger(epochMs)) throw new RangeError(`${epochMs} is not a number of milliseconds`);
    this.epochMs = epochMs;
  }

  date(now: Micros): Date {
    return new Date(this.epochMs + Math.floor(now / MS));
  }
}

const two = (value: number): string => String(value).padStart(2, "0");
export const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
export const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** `19:05:09` */
export function showTime(date: Date): string {
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
}

/** `Thu, 01 Jan 2026 19:05:09 GMT` (RFC 9110 5.6.7) */
export function httpDate(date: Date): string {
  const month = MONTHS[date.getUTCMonth()]!.slice(0, 3);
  const day = `${DAYS[date.getUTCDay()]!.slice(0, 3)}, ${two(date.getUTCDate())} ${month} ${date.getUTCFullYear()}`;
  return `${day} ${showTime(date)} GMT`;
}

/** `20260101190509` (RFC 3659 2.3) */
export function ftpTime(date: Date): string {
  const day = `${date.getUTCFullYear()}${two(date.getUTCMonth() + 1)}${two(date.getUTCDate())}`;
  return day + showTime(date).replaceAll(":", "");
}
