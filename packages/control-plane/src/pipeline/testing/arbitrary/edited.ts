import type { Document } from "./document.ts";

const NEXT: Readonly<Record<string, string>> = {
  "1s": "2s",
  "2s": "3s",
  "3s": "1s",
  http: "grpc",
  grpc: "tcp",
  tcp: "http",
  Ready: "NotReady",
  NotReady: "Ready",
  Strict: "Permissive",
  Permissive: "Strict",
  Allow: "Deny",
  Deny: "Allow",
};

const COUNTS = [
  "weight",
  "numRetries",
  "maxConnectAttempt",
  "maxRequests",
  "consecutive",
  "num",
  "percentage",
];

/** The same document with other values in the same places: what people do most. */
export function edited(original: Document): Document {
  const edit = (value: unknown, key: string): unknown => {
    if (typeof value === "string") return key === "kind" || key === "name" ? value : (NEXT[value] ?? value);
    if (typeof value === "number") return COUNTS.includes(key) ? (value % 3) + 1 : value;
    if (Array.isArray(value)) return value.map((item) => edit(item, key));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, edit(inner, name)]));
  };
  return edit(original, "") as Document;
}
