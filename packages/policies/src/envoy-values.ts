import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import {
  type FractionalPercent,
  FractionalPercent_DenominatorType,
  FractionalPercentSchema,
} from "@skein/envoy-api/envoy/type/v3/percent_pb";
import { durationMs } from "@skein/model";

/** A Go duration string (`1h0m0s`, `250ms`) as a protobuf Duration. */
export function duration(text: string): Duration {
  return milliseconds(durationMs(text));
}

/** A percentage of the API as Envoy's fraction, exact to six decimals. */
export function fractionalPercent(value: number | string): FractionalPercent {
  const percent = Number(value);
  const [denominator, scale] = Number.isInteger(percent)
    ? [FractionalPercent_DenominatorType.HUNDRED, 1]
    : Number.isInteger(percent * 100)
      ? [FractionalPercent_DenominatorType.TEN_THOUSAND, 100]
      : [FractionalPercent_DenominatorType.MILLION, 10_000];
  return create(FractionalPercentSchema, { numerator: Math.round(percent * scale), denominator });
}

/** Milliseconds (fractions allowed) as a protobuf Duration. */
export function milliseconds(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: Math.round((ms - seconds * 1000) * 1e6),
  });
}
