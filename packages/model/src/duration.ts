import * as z from "zod";

const UNIT_NANOS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const MAX_NANOS = 2n ** 63n - 1n;
const MAX_LENGTH = 128;
const TERM = /([0-9]*)(?:\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y;

/**
 * Nanoseconds of a Go duration such as `1h30m`, `1.5s` or `0`; `undefined` where the text is not one or does not fit
 * in 64 bits. Days are not a Go unit. Source of the grammar: Go's `time.ParseDuration`.
 */
export function parseDuration(text: string): bigint | undefined {
  const negative = text.startsWith("-");
  const body = negative || text.startsWith("+") ? text.slice(1) : text;
  if (body === "0") return 0n;
  if (body === "" || body.length > MAX_LENGTH) return undefined;
  let total = 0n;
  TERM.lastIndex = 0;
  while (TERM.lastIndex < body.length) {
    const term = TERM.exec(body);
    if (term === null) return undefined;
    const [, whole = "", fraction = "", unit = ""] = term;
    const nanos = UNIT_NANOS[unit];
    if (nanos === undefined || (whole === "" && fraction === "")) return undefined;
    total += BigInt(whole === "" ? 0 : whole) * nanos;
    if (fraction !== "") total += (BigInt(fraction) * nanos) / 10n ** BigInt(fraction.length);
  }
  if (total > MAX_NANOS) return undefined;
  return negative ? -total : total;
}

/** Go's canonical text of a duration in nanoseconds: `1h0m0s`, `1.5s`, `500ms`, `0s`. */
export function formatDuration(nanos: bigint): string {
  if (nanos === 0n) return "0s";
  const sign = nanos < 0n ? "-" : "";
  const rest = nanos < 0n ? -nanos : nanos;
  if (rest < 1_000n) return `${sign}${rest}ns`;
  if (rest < 1_000_000n) return `${sign}${decimal(rest, 1_000n)}µs`;
  if (rest < 1_000_000_000n) return `${sign}${decimal(rest, 1_000_000n)}ms`;
  const hours = rest / 3_600_000_000_000n;
  const minutes = (rest / 60_000_000_000n) % 60n;
  const seconds = decimal(rest % 60_000_000_000n, 1_000_000_000n);
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}s`;
  if (minutes > 0n) return `${sign}${minutes}m${seconds}s`;
  return `${sign}${seconds}s`;
}

function decimal(value: bigint, unit: bigint): string {
  const fraction = (value % unit)
    .toString()
    .padStart(unit.toString().length - 1, "0")
    .replace(/0+$/, "");
  return fraction === "" ? `${value / unit}` : `${value / unit}.${fraction}`;
}

/** Milliseconds of a duration that already passed `duration()`; throws on any other text. */
export function durationMs(text: string): number {
  const nanos = parseDuration(text);
  if (nanos === undefined) throw new TypeError(`not a duration: ${text}`);
  return Number(nanos) / 1e6;
}

/** Go's canonical text of a number of milliseconds. */
export function durationFromMs(ms: number): string {
  return formatDuration(BigInt(Math.round(ms * 1e6)));
}

/** A Go duration in a spec. Stays a string, rewritten to Go's canonical form (`60m` becomes `1h0m0s`). */
export function duration() {
  return z
    .string()
    .refine((text) => parseDuration(text) !== undefined, {
      message: "must be a duration such as 500ms, 15s, 5m or 1h30m",
      abort: true,
    })
    .overwrite((text) => formatDuration(parseDuration(text) ?? 0n));
}

/** A duration in a flat kind: protobuf JSON, which knows seconds only (`10s`, `0.5s`). Kept as written. */
export function protoDuration() {
  return z.string().regex(/^-?[0-9]+(\.[0-9]{1,9})?s$/, {
    message: "must be a duration in seconds such as 10s or 0.5s",
  });
}

const CALENDAR =
  /^(?:([0-9]+)y)?(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?$/;
const CALENDAR_MS = [31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1] as const;

/** Milliseconds of a validity such as `10y`, `1d` or `1d12h` (a year is 365 days); `undefined` if it is not one. */
export function parseCalendarDuration(text: string): number | undefined {
  const match = text === "" || text.length > MAX_LENGTH ? null : CALENDAR.exec(text);
  if (match === null) return undefined;
  return CALENDAR_MS.reduce((sum, unit, index) => sum + unit * Number(match[index + 1] ?? 0), 0);
}

/** The validity of a certificate in a Mesh: unlike a Go duration it knows years, weeks and days. Kept as written. */
export function calendarDuration() {
  return z.string().refine((text) => parseCalendarDuration(text) !== undefined, {
    message: "must be a duration such as 24h, 30d or 10y",
  });
}
