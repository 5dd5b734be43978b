import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import { durationMs } from "@skein/model";

/** A Go duration string (`1h0m0s`, `250ms`) as a protobuf Duration. */
export function duration(text: string): Duration {
  return milliseconds(durationMs(text));
}

/** Milliseconds (fractions allowed) as a protobuf Duration. */
export function milliseconds(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: Math.round((ms - seconds * 1000) * 1e6),
  });
}
