import { create } from "@bufbuild/protobuf";
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
  HeaderValueOptionSchema,
  HeaderValueSchema,
} from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  type HttpStatus,
  HttpStatusSchema,
  type StatusCode,
} from "@skein/envoy-api/envoy/type/v3/http_status_pb";
import { headerText } from "../header-text.ts";
import type { Header, OnRateLimit } from "./conf.ts";
import { MOST_HEADERS } from "./most-headers.ts";
import { FIRST_ERROR_STATUS } from "./statuses.ts";

/** The status of a refusal; `undefined` leaves Envoy's own, 429. */
export function refusalStatus(conf: OnRateLimit | undefined): HttpStatus | undefined {
  const status = conf?.status ?? 0;
  return status < FIRST_ERROR_STATUS ? undefined : create(HttpStatusSchema, { code: status as StatusCode });
}

/** The headers of a refusal. */
export function refusalHeaders(conf: OnRateLimit | undefined): HeaderValueOption[] {
  const option =
    (appendAction: AppendAction) =>
    ({ name, value }: Header) =>
      create(HeaderValueOptionSchema, {
        header: create(HeaderValueSchema, { key: name, value: headerText(value) }),
        appendAction,
      });
  const { add = [], set = [] } = conf?.headers ?? {};
  const headers = [
    ...add.map(option(AppendAction.APPEND_IF_EXISTS_OR_ADD)),
    ...set.map(option(AppendAction.OVERWRITE_IF_EXISTS_OR_ADD)),
  ];
  // One document has no more; the lists of two policies may.
  return headers.slice(-MOST_HEADERS);
}
