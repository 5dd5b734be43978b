import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import {
  FractionalPercent_DenominatorType as Denominator,
  type FractionalPercent,
  FractionalPercentSchema,
} from "@skein/envoy-api/envoy/type/v3/percent_pb";
import { durationMs, type IntOrString, intOrStringValue } from "@skein/model";

/** A Go duration string (`1h0m0s`, `250ms`) as a protobuf Duration. */
export function duration(text: string): Duration {
  return milliseconds(durationMs(text));
}

/** A percentage with the coarsest denominator that holds it: four decimals are the most that Envoy has. */
export function fractionalPercent(percentage: IntOrString): FractionalPercent {
  const value = intOrStringValue(percentage);
  const [factor, denominator] = Number.isInteger(value)
    ? [1, Denominator.HUNDRED]
    : isWhole(value * 100)
      ? [100, Denominator.TEN_THOUSAND]
      : [10_000, Denominator.MILLION];
  return create(FractionalPercentSchema, { numerator: Math.round(value * factor), denominator });
}

/** Up to the rounding of a decimal fraction. */
function isWhole(value: number): boolean {
  return Math.abs(value - Math.round(value)) < 1e-9;
}

/** Milliseconds (fractions allowed) as a protobuf Duration. */
export function milliseconds(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: Math.round((ms - seconds * 1000) * 1e6),
  });
}
