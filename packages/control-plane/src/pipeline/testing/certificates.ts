import { readFileSync } from "node:fs";
import { join } from "node:path";

const directory = join(import.meta.dirname, "certificates");

/** The certificates of the golden files: fixed, so that what contains them is fixed too. They guard nothing. */
export const PEM: Readonly<Record<"ca.pem" | "leaf.pem" | "leaf-key.pem" | "leaf-pair.pem", string>> = {
  "ca.pem": read("ca.pem"),
  "leaf.pem": read("leaf.pem"),
  "leaf-key.pem": read("leaf-key.pem"),
  // As gateways take them: the certificate and its key in one.
  "leaf-pair.pem": `${read("leaf.pem")}${read("leaf-key.pem")}`,
};

function read(name: string): string {
  return readFileSync(join(directory, name), "utf8");
}

/** Puts `@name` where a text is one of the files, and gives back everything else. */
export function named(text: string): string {
  const found = Object.entries(PEM).find(([, pem]) => pem.trim() === text.trim());
  return found === undefined ? text : `@${found[0]}`;
}

/** The opposite of `named`. */
export function unnamed(text: string): string {
  const found = Object.entries(PEM).find(([name]) => text === `@${name}`);
  return found === undefined ? text : found[1];
}

/** A copy of JSON with each string replaced. */
export function mapStrings(
  value: unknown,
  replace: (text: string, key: string) => string,
  key = "",
): unknown {
  if (typeof value === "string") return replace(value, key);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, replace, key));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, mapStrings(inner, replace, name)]),
  );
}
