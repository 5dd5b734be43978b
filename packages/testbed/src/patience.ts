/**
 * By how much the testbed's deadlines are longer: `SKEIN_TESTBED_PATIENCE`, a number from 1, for a machine that is slow
 * altogether, as an emulated one is. It changes no result, only when a wait is given up.
 */
export const PATIENCE: number = patience(process.env.SKEIN_TESTBED_PATIENCE);

/** A deadline of `ms` on a machine of usual speed. */
export function patiently(ms: number): number {
  return ms * PATIENCE;
}

function patience(setting: string | undefined): number {
  if (setting === undefined || setting === "") return 1;
  const factor = Number(setting);
  if (!(factor >= 1 && factor <= 1_000))
    throw new Error(`SKEIN_TESTBED_PATIENCE=${setting}: give a number from 1 to 1000`);
  return factor;
}
