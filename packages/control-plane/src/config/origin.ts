/** Where the value of a setting was given. */
export type Origin =
  | { readonly kind: "file"; readonly file: string; readonly line: number }
  | { readonly kind: "environment"; readonly name: string }
  | { readonly kind: "flag"; readonly name: string };

/** `config.yaml line 3`, `KUMA_MODE` or `--set mode`, for the end of a sentence. */
export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case "file":
      return `${origin.file} line ${origin.line}`;
    case "environment":
      return origin.name;
    case "flag":
      return origin.name;
  }
}
