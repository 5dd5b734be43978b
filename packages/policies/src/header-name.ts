import * as z from "zod";

const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;

/** The name of an HTTP header in the API: lower case, as HTTP/2 has it. */
export function headerName() {
  return z
    .string()
    .min(1)
    .max(256)
    .regex(/^[a-z0-9!#$%&'*+\-.^_`|~]+$/, "must be a header name in lower case");
}

/** The name of a header that Envoy adds or sets: it refuses to do that with `host`. */
export function addedHeaderName() {
  return headerName().refine((name) => name !== "host", "host cannot be changed here");
}

/** Whether a text is the name of a header, in whatever case. */
export function isHeaderName(text: string): boolean {
  return TOKEN.test(text);
}
