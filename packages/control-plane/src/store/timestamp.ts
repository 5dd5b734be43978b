/**
 * RFC 3339 in UTC with nine fraction digits, as the API writes its times. `epochMilliseconds` may have a fraction:
 * a clock that is finer than a millisecond keeps its digits.
 */
export function timestamp(epochMilliseconds: number): string {
  const seconds = Math.floor(epochMilliseconds / 1000);
  const nanoseconds = Math.min(999_999_999, Math.round((epochMilliseconds - seconds * 1000) * 1e6));
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, "0")}Z`;
}
