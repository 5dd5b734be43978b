/** Milliseconds since the epoch with a fraction; comparable between processes of one machine to well below 1 ms. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
