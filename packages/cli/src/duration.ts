const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const term = /(\d+(?:\.\d*)?|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d)/gy;

/**
 * Milliseconds of a duration as Go writes them (`1h30m`, `500ms`, `0`), plus `d` for days of 24 hours, which Go lacks.
 * `undefined` when the text is not one, or is negative.
 */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (text === "") return undefined;
  let total = 0;
  let end = 0;
  for (const match of text.matchAll(term)) {
    total += Number(match[1]) * (unitMs[match[2] ?? ""] ?? Number.NaN);
    end = match.index + match[0].length;
  }
  return end === text.length && Number.isFinite(total) ? total : undefined;
}

/** The same span in units that Go understands: days become hours. */
export function toGoDuration(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = Math.floor((ms % 60_000) / 1_000);
  const rest = Math.round(ms % 1_000);
  const text = [
    hours > 0 ? `${hours}h` : "",
    minutes > 0 ? `${minutes}m` : "",
    seconds > 0 ? `${seconds}s` : "",
    rest > 0 ? `${rest}ms` : "",
  ].join("");
  return text === "" ? "0s" : text;
}

/** How long something took, for a person: `41 ms`, `2.4 s`, `3 min 5 s`. */
export function humanDuration(ms: number): string {
  if (ms < 1_000) return `${ms < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
