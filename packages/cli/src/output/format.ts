import { usageError } from "../exit.ts";
import { didYouMean } from "../suggest.ts";

export const outputFormats = ["table", "yaml", "json"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** The value of `-o`, or a usage error that names the choices. */
export function parseOutputFormat(text: string): OutputFormat {
  const format = outputFormats.find((candidate) => candidate === text);
  if (format !== undefined) return format;
  throw usageError(
    `unknown output format "${text}": it must be one of ${outputFormats.join(", ")}${didYouMean(text, outputFormats)}`,
  );
}

/** Two-space JSON with a final newline, keys in the order that the control plane sent. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Block YAML without anchors or folded lines, so that it can be applied again and diffed. */
export async function toYaml(value: unknown): Promise<string> {
  const { stringify } = await import("../yaml.ts");
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Renders data in the format asked for; the table is made only when it is needed. */
export async function render(
  format: OutputFormat,
  value: unknown,
  table: () => string | Promise<string>,
): Promise<string> {
  if (format === "table") return table();
  return format === "json" ? toJson(value) : toYaml(value);
}
