/** Tables of plain text. */

/** The first column to the left, the others to the right; indented by two. Rows of the same length. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => {
      const cells = row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]),
      );
      return `  ${cells.join('  ')}`.trimEnd();
    })
    .join('\n');
}

/** "1 234.5"; "-" where there is no value, or none that can be said. */
export function formatted(value: number | undefined, digits: number): string {
  if (value === undefined || !Number.isFinite(value)) return '-';
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString('en', { ...options, useGrouping: true }).replaceAll(',', ' ');
}
