export type Column = { title: string; align: 'left' | 'right' }

/** A plain text table in Markdown's form, so that it reads in a terminal and can be pasted into a document as it is. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) =>
    columns.map((_, index) => (row[index] ?? '').replaceAll('|', '\\|').replaceAll('\n', ' ')),
  )
  const widths = columns.map((column, index) =>
    Math.max(3, column.title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  )
  const line = (texts: readonly string[]): string =>
    `| ${columns.map((column, index) => pad(texts[index] ?? '', widths[index] ?? 0, column.align)).join(' | ')} |`
  const rule = columns.map((column, index) => {
    const dashes = '-'.repeat((widths[index] ?? 0) - 1)
    return column.align === 'right' ? `${dashes}:` : `${dashes}-`
  })
  return [line(columns.map((column) => column.title)), `| ${rule.join(' | ')} |`, ...cells.map(line)].join('\n')
}

function pad(text: string, width: number, align: Column['align']): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width)
}
