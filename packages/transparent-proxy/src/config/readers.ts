import { type Cidr, parseCidr } from "./network-address.ts";
import { SettingError } from "./setting-error.ts";

/**
 * Makes a value of what stands in a file (any YAML), in an environment variable (text) or after a flag (text, or a list of
 * texts where the flag may be repeated). @throws SettingError that says what would be right, not where it stood.
 */
export type Reader<T> = (value: unknown) => T;

/** Numbers from `from` to `to`, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Outbound traffic of some users that is not captured. */
export interface UserExclusion {
  readonly protocols: readonly ("tcp" | "udp")[];
  /** Empty: all. */
  readonly ports: readonly Range[];
  readonly uids: Range;
}

/** A network behind an interface of this machine, such as containers behind a bridge. */
export interface VirtualNetwork {
  /** A name, or the beginning of names with `+` behind it. */
  readonly interfaceName: string;
  readonly cidr: Cidr;
}

const LARGEST_UID = 4_294_967_294;

export const readBoolean: Reader<boolean> = (value) => {
  if (value === true || value === "true" || value === "1") return true;
  if (value === false || value === "false" || value === "0") return false;
  throw new SettingError(`${show(value)} is neither true nor false`);
};

export const readText: Reader<string> = (value) => {
  if (typeof value === "string") return value.trim();
  if (typeof value === "number") return String(value);
  throw new SettingError(`${show(value)} is no text`);
};

/** A whole number that is not negative. */
export const readCount: Reader<number> = (value) => wholeNumber(value, 0, 1_000_000);

export const readPort: Reader<number> = (value) => wholeNumber(value, 1, 65_535);

/** Ports and ranges of them, such as `22,8000-8010`, or a list. */
export const readPorts: Reader<readonly Range[]> = (value) =>
  words(value).map((word) => readRange(word, 1, 65_535));

/** Addresses and networks of either family. */
export const readAddresses: Reader<readonly Cidr[]> = (value) =>
  words(value).map((word) => {
    const cidr = parseCidr(word);
    if (cidr !== undefined) return cidr;
    throw new SettingError(
      `"${word}" is neither an address nor a network; write it like 10.0.0.1, 192.168.0.0/24 or fd00::/8`,
    );
  });

/** `protocols:ports:uids`, `ports:uids` or `uids`, a list of them; in one text they are separated by `;` or blanks. */
export const readUserExclusions: Reader<readonly UserExclusion[]> = (value) =>
  entries(value, /[;\s]+/).map((entry) => {
    const parts = entry.split(":").map((part) => part.trim());
    if (parts.length > 3)
      throw new SettingError(
        `"${entry}" has more than three parts; write protocols:ports:uids, such as tcp:22,8000-8010:1000-1010`,
      );
    const [uids = "", ports = "", protocols = ""] = parts.toReversed();
    if (uids === "" || uids === "*" || uids.includes(",")) {
      throw new SettingError(
        `"${entry}" must end with one uid or one range of uids, such as 1000 or 1000-1010`,
      );
    }
    return {
      protocols: readProtocols(protocols),
      ports: ports === "" || ports === "*" ? [] : readPorts(ports),
      uids: readRange(uids, 0, LARGEST_UID),
    };
  });

/** `interface:network`, a list of them. */
export const readVirtualNetworks: Reader<readonly VirtualNetwork[]> = (value) =>
  words(value).map((word) => {
    const colon = word.indexOf(":");
    const interfaceName = word.slice(0, Math.max(colon, 0));
    const cidr = parseCidr(word.slice(colon + 1));
    if (!/^[^\s/+:"]{1,15}\+?$/.test(interfaceName) || cidr === undefined) {
      throw new SettingError(
        `"${word}" is not interface:network; write it like docker0:172.17.0.0/16 or br+:fd00::/64`,
      );
    }
    return { interfaceName, cidr };
  });

/** Milliseconds, from texts such as `2s`, `500ms`, `1m`. */
export const readDuration: Reader<number> = (value) => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(typeof value === "string" ? value.trim() : "");
  const unit = match?.[2] === "m" ? 60_000 : match?.[2] === "s" ? 1_000 : 1;
  if (match === null) throw new SettingError(`${show(value)} is not a duration; write it like 2s or 500ms`);
  return Number(match[1]) * unit;
};

/** The text if it is one of `choices`, whatever its case. */
export function readChoice<const T extends string>(...choices: readonly T[]): Reader<T> {
  return (value) => {
    const found = choices.find((choice) => choice === String(value).trim().toLowerCase());
    if (found !== undefined) return found;
    throw new SettingError(`${show(value)} must be one of ${choices.join(", ")}`);
  };
}

/** Paths by name: a mapping, or `name:path,name:path`. */
export const readExecutables: Reader<Readonly<Record<string, string>>> = (value) => {
  const pairs =
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([name, path]) => [name, readText(path)] as const)
      : words(value).map(
          (word) =>
            [word.slice(0, Math.max(word.indexOf(":"), 0)), word.slice(word.indexOf(":") + 1)] as const,
        );
  for (const [name, path] of pairs) {
    if (!EXECUTABLES.includes(name))
      throw new SettingError(
        `"${name}" is no name of an executable; the names are ${EXECUTABLES.join(", ")}`,
      );
    if (!path.startsWith("/"))
      throw new SettingError(`the path of ${name} must begin with / (it is "${path}")`);
  }
  const named = Object.fromEntries(pairs);
  for (const family of ["iptables", "ip6tables"]) {
    const given = EXECUTABLES.filter((name) => name.startsWith(`${family}`) && named[name] !== undefined);
    if (given.length > 0 && given.length < 3) {
      throw new SettingError(
        `name all three, ${family}, ${family}-save and ${family}-restore, or none of them (there is only ${given.join(", ")})`,
      );
    }
  }
  return named;
};

const EXECUTABLES = [
  "iptables",
  "iptables-save",
  "iptables-restore",
  "ip6tables",
  "ip6tables-save",
  "ip6tables-restore",
];

function readProtocols(text: string): readonly ("tcp" | "udp")[] {
  if (text === "" || text === "*") return ["tcp", "udp"];
  return text.split(",").map((word) => readChoice("tcp", "udp")(word));
}

function readRange(word: string, least: number, most: number): Range {
  const [first = "", second = first, ...rest] = word.split(/[-:]/).map((part) => part.trim());
  if (rest.length > 0) throw new SettingError(`"${word}" is no number and no range such as 8000-8010`);
  const range = { from: wholeNumber(first, least, most), to: wholeNumber(second, least, most) };
  if (range.from > range.to) throw new SettingError(`the range "${word}" ends before it begins`);
  return range;
}

function wholeNumber(value: unknown, least: number, most: number): number {
  const number = typeof value === "string" && /^\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= least && number <= most)
    return number;
  throw new SettingError(`${show(value)} is not a whole number from ${least} to ${most}`);
}

/** The words of a list, each of whose members may have several, separated by commas. */
function words(value: unknown): readonly string[] {
  return entries(value, /,/);
}

function entries(value: unknown, separator: RegExp): readonly string[] {
  const members = value === null || value === undefined ? [] : Array.isArray(value) ? value : [value];
  return members
    .flatMap((member) => readText(member).split(separator))
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function show(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : JSON.stringify(value);
}
