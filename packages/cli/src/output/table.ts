import { stripVTControlCharacters } from "node:util";

const minimumWidth = 6;
const gap = 3;

/** Upper-case header, left-aligned columns at least three spaces apart, no trailing spaces, a final newline. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows].map((row) => row.map(oneLine));
  const widths = header.map((_, column) =>
    Math.max(minimumWidth, ...lines.map((line) => displayWidth(line[column] ?? "") + gap)),
  );
  return lines
    .map((line) => {
      const cells = line.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - displayWidth(cell)));
      return `${cells.join("").trimEnd()}\n`;
    })
    .join("");
}

function oneLine(cell: string): string {
  return cell.replaceAll(/\s*\n\s*/g, " ");
}

function displayWidth(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}
