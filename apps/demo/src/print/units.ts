/** `1,234`; with nouns: `1 city`, `1,234 cities`. */
export function count(n: number, one = '', many = `${one}s`): string {
  const figure = n.toLocaleString('en-US')
  return one === '' ? figure : `${figure} ${n === 1 ? one : many}`
}

/** Milliseconds in a suitable unit: `840 ns`, `1.3 µs`, `12 ms`, `2.5 s`, `7.2 min`. */
export function duration(ms: number): string {
  if (ms >= 120_000) return `${figures(ms / 60_000)} min`
  if (ms >= 999.5) return `${figures(ms / 1_000)} s`
  if (ms >= 0.9995) return `${figures(ms)} ms`
  if (ms >= 0.000_999_5) return `${figures(ms * 1_000)} µs`
  return `${figures(ms * 1_000_000)} ns`
}

/** `0.973` as `97.3 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

/** A number with two significant digits. */
function figures(n: number): string {
  return n < 9.95 ? n.toFixed(1) : count(Math.round(n))
}

/** How many times as fast: `12,000×`. */
export function times(ratio: number): string {
  return `${count(Number(ratio.toPrecision(2)))}×`
}
