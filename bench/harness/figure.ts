/** One measured value, as machines read it. */
export interface Figure {
  readonly figure: string;
  readonly value: number;
  readonly unit: "s" | "ms" | "µs" | "MB" | "%" | "1/s" | "count" | "bytes";
}

/** What one benchmark found. */
export interface Report {
  readonly title: string;
  readonly figures: readonly Figure[];
}

/** The figures as a table for people. */
export function table({ title, figures }: Report): string {
  const rows = figures.map(({ figure, value, unit }) => [figure, shown(value), unit] as const);
  const [name, number] = [0, 1].map((at) => Math.max(0, ...rows.map((row) => row[at]?.length ?? 0)));
  const lines = rows.map(
    ([figure, value, unit]) => `  ${figure.padEnd(name ?? 0)}  ${value.padStart(number ?? 0)} ${unit}`,
  );
  return [title, ...lines].join("\n");
}

function shown(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(Number.isInteger(value) || size >= 1000 ? 0 : size >= 10 ? 1 : 3);
}
