import { VERDICTS } from "@skein/control-plane/offline";
import { durationMs, parseDuration } from "@skein/model/duration";
import * as z from "zod";

const [ALLOWED, ...REFUSALS] = VERDICTS;
/** `refused` is anything but allowed. */
const expected = z.enum([ALLOWED, "refused", ...REFUSALS]);

/** A time, or `none` where nothing may end it. */
const limit = z.string().refine((text) => text === "none" || parseDuration(text) !== undefined, {
  message: "must be a duration such as 500ms or 15s, or none",
});

const expectation = z.object({
  verdict: expected.default(ALLOWED),
  /** The policy that decides, by its name or KRI; `none` where the absence of one does. */
  decidedBy: z.string().optional(),
  timeout: limit.optional(),
  connectTimeout: limit.optional(),
  idleTimeout: limit.optional(),
  retries: z.int().min(0).optional(),
  /** The route that takes the request, by its name or KRI; `none` where no route does. */
  route: z.string().optional(),
  /** Where a redirect leads. */
  location: z.string().optional(),
  /** The path that the called application sees, after rewrites. */
  appPath: z.string().startsWith("/", "must start with '/'").optional(),
  /** Whether the connection between the proxies is mutual TLS. */
  tls: z.boolean().optional(),
  /** Where the requests go, and how many percent of them. */
  backends: z.record(z.string(), z.number().min(0).max(100)).optional(),
});

const testCase = z.object({
  name: z.string().min(1, "cannot be empty"),
  mesh: z.string().optional(),
  from: z.string().min(1, "cannot be empty"),
  to: z.string().min(1, "cannot be empty"),
  port: z.int().min(1).max(65_535).optional(),
  method: z.string().optional(),
  path: z.string().startsWith("/", "must start with '/'").optional(),
  headers: z.record(z.string(), z.string()).optional(),
  expect: expectation.optional(),
});

/** A file of policy tests. */
export const suiteSchema = z.object({
  /** Files and directories of resources, as seen from this file. */
  resources: z.array(z.string()).min(1, "must name at least one file or directory"),
  zone: z.string().optional(),
  mesh: z.string().default("default"),
  tests: z.array(testCase).min(1, "must have at least one test"),
});

/** A parsed file of policy tests. */
export type Suite = z.infer<typeof suiteSchema>;
/** One expectation about one request. */
export type PolicyTest = Suite["tests"][number];
/** What a test expects. */
export type Expectation = z.infer<typeof expectation>;

/** Milliseconds of a limit; `undefined` for none. */
export function limitMs(text: string): number | undefined {
  const ms = text === "none" ? 0 : durationMs(text);
  return ms === 0 ? undefined : ms;
}
