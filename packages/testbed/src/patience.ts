/** The factor that a setting asks for; 1 without one. @throws Error for what is no number from 1 to 1000 */
export function patienceOf(setting: string | undefined): number {
  if (setting === undefined || setting === "") return 1;
  const factor = Number(setting);
  if (!(factor >= 1 && factor <= 1_000))
    throw new Error(`SKEIN_TESTBED_PATIENCE=${setting}: give a number from 1 to 1000`);
  return factor;
}

/**
 * By how much the testbed's deadlines are longer: `SKEIN_TESTBED_PATIENCE`, for a machine that is slow altogether, as an
 * emulated one is. It changes when a wait is given up, never what must hold.
 */
export const PATIENCE: number = patienceOf(process.env.SKEIN_TESTBED_PATIENCE);

/** A deadline that is `ms` on a machine of usual speed, in milliseconds. */
export function patiently(ms: number): number {
  return ms * PATIENCE;
}
