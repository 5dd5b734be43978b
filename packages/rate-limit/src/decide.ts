import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import type { RateLimitDescriptor } from "@skein/envoy-api/envoy/extensions/common/ratelimit/v3/ratelimit_pb";
import {
  RateLimitResponse_Code as Code,
  type RateLimitResponse_DescriptorStatus as DescriptorStatus,
  RateLimitResponse_DescriptorStatusSchema as DescriptorStatusSchema,
  RateLimitResponse_RateLimitSchema as LimitSchema,
  RateLimitResponse_RateLimit_Unit as LimitUnit,
  type RateLimitRequest,
  type RateLimitResponse,
  RateLimitResponseSchema,
} from "@skein/envoy-api/envoy/service/ratelimit/v3/rls_pb";
import { RateLimitUnit } from "@skein/envoy-api/envoy/type/v3/ratelimit_unit_pb";
import type { Counters } from "./counters.ts";

/** Length of the windows, in seconds, and how an answer names them. */
const UNITS: ReadonlyMap<RateLimitUnit, { readonly seconds: number; readonly named: LimitUnit }> = new Map([
  [RateLimitUnit.SECOND, { seconds: 1, named: LimitUnit.SECOND }],
  [RateLimitUnit.MINUTE, { seconds: 60, named: LimitUnit.MINUTE }],
  [RateLimitUnit.HOUR, { seconds: 3_600, named: LimitUnit.HOUR }],
  [RateLimitUnit.DAY, { seconds: 86_400, named: LimitUnit.DAY }],
]);

/**
 * Answers one question of Envoy: counts its hits against every descriptor and says whether any is over its limit. The
 * limit comes with the descriptor; one without has none. Windows are fixed and begin at multiples of their length.
 *
 * @param nowMs milliseconds since the epoch.
 */
export async function decide(
  request: RateLimitRequest,
  counters: Counters,
  nowMs: number,
): Promise<RateLimitResponse> {
  const statuses = await Promise.all(
    request.descriptors.map((descriptor) => judge(request, descriptor, counters, nowMs)),
  );
  const isOver = statuses.some(({ code }) => code === Code.OVER_LIMIT);
  return create(RateLimitResponseSchema, { overallCode: isOver ? Code.OVER_LIMIT : Code.OK, statuses });
}

async function judge(
  request: RateLimitRequest,
  descriptor: RateLimitDescriptor,
  counters: Counters,
  nowMs: number,
): Promise<DescriptorStatus> {
  const { limit } = descriptor;
  const unit = limit === undefined ? undefined : UNITS.get(limit.unit);
  if (limit === undefined || unit === undefined) return create(DescriptorStatusSchema, { code: Code.OK });
  const length = unit.seconds * 1_000;
  const start = Math.floor(nowMs / length) * length;
  const hits = Number(descriptor.hitsAddend ?? 0n) || request.hitsAddend || 1;
  const count = await counters.add(
    windowKey(request.domain, descriptor, unit.seconds, start),
    hits,
    unit.seconds + 1,
  );
  return create(DescriptorStatusSchema, {
    code: count > limit.requestsPerUnit ? Code.OVER_LIMIT : Code.OK,
    currentLimit: create(LimitSchema, { requestsPerUnit: limit.requestsPerUnit, unit: unit.named }),
    limitRemaining: Math.max(0, limit.requestsPerUnit - count),
    durationUntilReset: create(DurationSchema, {
      seconds: BigInt(Math.ceil((start + length - nowMs) / 1_000)),
    }),
  });
}

/** Requests of one domain with the same entries are counted together, whatever their limit. */
function windowKey(domain: string, { entries }: RateLimitDescriptor, seconds: number, start: number): string {
  const pairs = entries.map(({ key, value }) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`);
  return ["skein-ratelimit", encodeURIComponent(domain), ...pairs, seconds, start / 1_000].join("|");
}
