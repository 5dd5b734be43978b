import type { Violation } from "@skein/model";
import * as z from "zod";
import { positive } from "../engine/checks.ts";
import { addedHeaderName } from "../header-name.ts";
import { headerValue } from "../header-value.ts";
import type { Header, OnRateLimit } from "./conf.ts";
import { MOST_HEADERS } from "./most-headers.ts";
import { FIRST_ERROR_STATUS, isErrorStatus } from "./statuses.ts";

const headers = z.array(z.object({ name: addedHeaderName(), value: headerValue() })).optional();

/** `onRateLimit` of the policies that have it. */
export const onRateLimitSchema: z.ZodType<OnRateLimit> = z.object({
  status: z.int().min(0, "must not be negative").max(4_294_967_295).optional(),
  headers: z.object({ set: headers, add: headers }).optional(),
});

/** What is wrong with an answer. A status below 400 only warns: Envoy answers 429 in its place. */
export function onRateLimitViolations(value: OnRateLimit | undefined, path: string): readonly Violation[] {
  return [
    ...statusViolations(value?.status, `${path}.status`),
    ...countViolations(value, `${path}.headers`),
    ...repeatedNames(value?.headers?.set, `${path}.headers.set`),
    ...repeatedNames(value?.headers?.add, `${path}.headers.add`),
  ];
}

/** What to tell the writer of a status that Envoy does not use. */
export function onRateLimitWarnings(value: OnRateLimit | undefined, path: string): readonly string[] {
  const status = value?.status;
  if (status === undefined || status >= FIRST_ERROR_STATUS) return [];
  return [`${path}.status: must be ${FIRST_ERROR_STATUS} or more; instead of ${status} Envoy answers 429`];
}

function statusViolations(status: number | undefined, path: string): readonly Violation[] {
  if (status === undefined || status < FIRST_ERROR_STATUS) return positive(status, path);
  return isErrorStatus(status)
    ? []
    : [{ field: path, reason: `${status} is no status of HTTP that Envoy knows; 429 is the usual one` }];
}

function countViolations(value: OnRateLimit | undefined, path: string): readonly Violation[] {
  const { set = [], add = [] } = value?.headers ?? {};
  if (set.length + add.length <= MOST_HEADERS) return [];
  return [
    {
      field: path,
      reason: `set and add must have at most ${MOST_HEADERS} items together: Envoy adds no more`,
    },
  ];
}

function repeatedNames(list: readonly Header[] | undefined, path: string): readonly Violation[] {
  const names = (list ?? []).map(({ name }) => name);
  return names.flatMap((name, i) =>
    names.indexOf(name) === i
      ? []
      : [{ field: `${path}[${i}].name`, reason: `"${name}" is there twice, give each header once` }],
  );
}
