import * as z from "zod";

/** Text that Envoy puts into a line of a request or an answer, which must not end there. */
export function oneLine() {
  return z.string().regex(/^[^\0\r\n]*$/, "must be one line");
}
