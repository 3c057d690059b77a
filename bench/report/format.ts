/** Three significant figures where there is something behind the point, whole numbers with thousands separators above. */
export function formatNumber(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en-US')
  if (size >= 10) return value.toFixed(1)
  return value === 0 ? '0' : value.toFixed(2)
}

/** Things that are counted and not measured. */
export function formatCount(value: number | undefined): string {
  return value === undefined ? '–' : value.toLocaleString('en-US')
}

export function formatMs(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${formatNumber(value)} ms`
}

export function formatBytes(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  if (value >= 1e9) return `${formatNumber(value / 1e9)} GB`
  if (value >= 1e6) return `${formatNumber(value / 1e6)} MB`
  return `${formatNumber(value / 1e3)} kB`
}

export function formatShare(value: number): string {
  return Number.isFinite(value) ? `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %` : '–'
}

export function formatRatio(value: number): string {
  return Number.isFinite(value) ? `${value.toFixed(2)}x` : '–'
}
