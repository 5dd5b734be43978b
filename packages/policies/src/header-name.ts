import { z } from "zod";

/** The name of an HTTP header in the API: lower case, as HTTP/2 has it. */
export function headerName() {
  return z
    .string()
    .min(1)
    .max(256)
    .regex(/^[a-z0-9!#$%&'*+\-.^_`|~]+$/, "must be a header name in lower case");
}
