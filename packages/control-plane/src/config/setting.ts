import { BlockList, isIP } from "node:net";
import { duration, durationMs, isDnsLabel, parseDuration } from "@skein/model";
import * as z from "zod";

/** What a setting is besides its schema. */
export interface SettingTraits {
  /** Environment name where it does not follow from the path. */
  readonly env?: string;
  /** Never shown. */
  readonly isSecret?: boolean;
}

/** Traits by schema, so that they stand where the setting is defined. */
export const settingTraits = z.registry<SettingTraits>();

/** A group of settings. Absent, it has the defaults of all of them; it drops what it does not know. */
export function section<S extends z.ZodRawShape>(shape: S) {
  return z.object(shape, { error: "must be a group of settings" }).prefault({} as never);
}

export function flag(initial: boolean) {
  return z.boolean({ error: "must be true or false" }).default(initial);
}

export function text(initial = "") {
  return z.string({ error: "must be a text" }).default(initial);
}

/** A listening port. 0 lets the system choose one. */
export function port(initial: number) {
  return whole(0, 65_535).default(initial);
}

export function count(initial: number) {
  return whole(0, Number.MAX_SAFE_INTEGER).default(initial);
}

/** A Go duration in its canonical text; `durationMs` tells its length. */
export function time(initial: string) {
  return z
    .string({ error: "must be a duration such as 500ms, 15s, 5m or 1h30m" })
    .refine((value) => parseDuration(value) === undefined || durationMs(value) >= 0, {
      message: "must not be negative",
      abort: true,
    })
    .pipe(duration())
    .default(initial);
}

export function names(...initial: readonly string[]) {
  return z
    .array(z.string({ error: "must be a text" }), { error: "must be a list of texts" })
    .default([...initial]);
}

/**
 * One of a few words. `unsupported` are words that mean something in the published settings and that this build
 * cannot do; each with the sentence that tells the user so.
 */
export function choice<const T extends readonly [string, ...string[]]>(
  allowed: T,
  initial: T[number],
  unsupported: Readonly<Record<string, string>> = {},
) {
  const list = allowed.map((word) => JSON.stringify(word)).join(", ");
  return z
    .enum(allowed, {
      error: ({ input }) =>
        (typeof input === "string" && Object.hasOwn(unsupported, input) ? unsupported[input] : undefined) ??
        `must be one of ${list}, not ${JSON.stringify(input)}`,
    })
    .default(initial as never);
}

/** A range of addresses such as `241.0.0.0/8`. */
export function cidr(initial: string) {
  return cidrText().default(initial);
}

export function cidrs(...initial: readonly string[]) {
  return z.array(cidrText(), { error: "must be a list of address ranges" }).default([...initial]);
}

/** A name that may be part of a host name and of a label's value. */
export function label(initial: string) {
  return text(initial).refine((value) => value.length <= 63 && isDnsLabel(value), {
    message:
      "must consist of lower-case letters, digits and '-', at most 63, and begin and end with a letter or digit",
  });
}

function whole(minimum: number, maximum: number) {
  const range =
    maximum === Number.MAX_SAFE_INTEGER ? `of ${minimum} or more` : `from ${minimum} to ${maximum}`;
  return z
    .number({ error: "must be a number" })
    .refine((value) => Number.isInteger(value) && value >= minimum && value <= maximum, {
      error: ({ input }) => `must be a whole number ${range}, not ${input}`,
    });
}

function cidrText() {
  return z
    .string({ error: "must be a text" })
    .refine(isCidr, { error: ({ input }) => `must be an address range such as 241.0.0.0/8, not ${input}` });
}

function isCidr(value: string): boolean {
  const [address = "", bits = "", ...rest] = value.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || !/^[0-9]{1,3}$/.test(bits)) return false;
  try {
    new BlockList().addSubnet(address, Number(bits), family === 4 ? "ipv4" : "ipv6");
    return true;
  } catch {
    return false;
  }
}
