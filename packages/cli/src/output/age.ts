/** Whole units since a moment, as tables show them: `5s`, `3m`, `2h`, `4d`, `1y`. */
export function age(fromMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - fromMs) / 1_000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h`;
  const days = Math.floor(hours / 24);
  return days < 365 ? `${days}d` : `${Math.floor(days / 365)}y`;
}

/** {@link age} of an RFC 3339 time; `missing` when there is none, or it is Go's zero time. */
export function ageOf(time: string | undefined, nowMs: number, missing = "never"): string {
  if (time === undefined || time === "" || time.startsWith("0001-01-01")) return missing;
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? missing : age(ms, nowMs);
}
