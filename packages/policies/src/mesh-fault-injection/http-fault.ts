import { create } from "@bufbuild/protobuf";
import type { HeaderMatcher } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import {
  FaultDelaySchema,
  FaultRateLimitSchema,
  FaultRateLimit_FixedLimitSchema as FixedLimitSchema,
} from "@skein/envoy-api/envoy/extensions/filters/common/fault/v3/fault_pb";
import {
  FaultAbortSchema,
  type HTTPFault,
  HTTPFaultSchema,
} from "@skein/envoy-api/envoy/extensions/filters/http/fault/v3/fault_pb";
import { durationMs } from "@skein/model";
import { fractionalPercent, milliseconds } from "../envoy-values.ts";
import { limitKbps } from "./bandwidth.ts";
import type { Fault } from "./conf.ts";

/** A fault as a filter has it, for requests with all of these headers; nothing where it would do nothing. */
export function httpFault(
  { abort, delay, responseBandwidth }: Fault,
  headers: HeaderMatcher[],
): readonly HTTPFault[] {
  const fault = create(HTTPFaultSchema, { headers });
  const delayMs = delay === undefined ? 0 : durationMs(delay.value);
  if (delay !== undefined && delayMs > 0) {
    fault.delay = create(FaultDelaySchema, {
      faultDelaySecifier: { case: "fixedDelay", value: milliseconds(delayMs) },
      percentage: fractionalPercent(delay.percentage),
    });
  }
  if (abort !== undefined) {
    fault.abort = create(FaultAbortSchema, {
      errorType: { case: "httpStatus", value: abort.httpStatus },
      percentage: fractionalPercent(abort.percentage),
    });
  }
  const limit = responseBandwidth === undefined ? undefined : limitKbps(responseBandwidth.limit);
  if (responseBandwidth !== undefined && limit !== undefined) {
    fault.responseRateLimit = create(FaultRateLimitSchema, {
      limitType: { case: "fixedLimit", value: create(FixedLimitSchema, { limitKbps: limit }) },
      percentage: fractionalPercent(responseBandwidth.percentage),
    });
  }
  const isSomething = fault.delay ?? fault.abort ?? fault.responseRateLimit;
  return isSomething === undefined ? [] : [fault];
}
