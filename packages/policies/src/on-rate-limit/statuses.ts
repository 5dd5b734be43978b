/** Below it Envoy answers 429, whatever it was told. */
export const FIRST_ERROR_STATUS = 400;

const GAPS_OF_4XX = [418, 419, 420, 425, 427, 430];

/** Whether Envoy can answer with a status: it knows those of the HTTP standards, and rejects any other. */
export function isErrorStatus(status: number): boolean {
  if (status >= FIRST_ERROR_STATUS && status <= 431) return !GAPS_OF_4XX.includes(status);
  return status >= 500 && status <= 511 && status !== 509;
}
