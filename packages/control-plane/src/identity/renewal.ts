/** When a held certificate is replaced. All times in milliseconds since the epoch. */
export interface Schedule {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly renewAt: number;
}

/** How far apart two certificates issued at the same time are renewed, as a part of their life. */
const spread = 1 / 15;

/** The schedule of a certificate just issued; `jitter` in [0, 1) makes it earlier, at most to three fifths of its life. */
export function issuedFrom(
  svid: { readonly notBefore: number; readonly notAfter: number; readonly issuedAt: number },
  jitter: number,
): Schedule {
  const life = svid.notAfter - svid.issuedAt;
  const renewAt = svid.issuedAt + life * (2 / 3 - jitter * spread);
  return { notBefore: svid.notBefore, notAfter: svid.notAfter, renewAt };
}

/**
 * When something is due for a workload, as a time not after `now` where it already is: its first certificate, a
 * renewal, another attempt. A certificate from the future, or a failure from the future, means that the clock was
 * turned back, so it is due too.
 */
export function dueAt(
  held: {
    readonly schedule: Schedule | undefined;
    readonly failure: { readonly failedAt: number; readonly retryAt: number } | undefined;
  },
  now: number,
): number {
  if (held.failure !== undefined) return now < held.failure.failedAt ? now : held.failure.retryAt;
  if (held.schedule === undefined || now < held.schedule.notBefore) return now;
  return held.schedule.renewAt;
}
