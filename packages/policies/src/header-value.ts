import { headerText } from "./header-text.ts";
import { oneLine } from "./one-line.ts";

/** What Envoy takes for one value. */
const MAX_BYTES = 16_384;

/** The value of an HTTP header in the API. */
export function headerValue() {
  return oneLine().refine(
    (value) => Buffer.byteLength(headerText(value)) <= MAX_BYTES,
    `must be at most ${MAX_BYTES} bytes long`,
  );
}
