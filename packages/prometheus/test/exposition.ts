/** One line of the text format: a series and its value. */
interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A metric with all its series. */
export interface Family {
  readonly type: string
  readonly samples: readonly Sample[]
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const HELP = new RegExp(`^# HELP (${NAME}) (.+)$`)
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`)
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (NaN|[+-]?Inf|-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`)
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\n"])*)"(?:,|$)/y

/**
 * Reads the text format of Prometheus, version 0.0.4, and refuses whatever a strict server would: an invalid line, a
 * metric without help or type or told twice, a sample that is not its metric's, a series told twice, a histogram whose
 * buckets do not add up.
 */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('The last line does not end.')
  const families = new Map<string, { readonly type: string; readonly samples: Sample[] }>()
  const series = new Set<string>()
  let helped = ''
  let current = ''
  for (const line of text.split('\n')) {
    const [, help] = HELP.exec(line) ?? []
    const [, typed, type] = TYPE.exec(line) ?? []
    if (line === '') continue
    if (help) {
      helped = help
    } else if (typed && type) {
      if (helped !== typed || families.has(typed)) throw new Error(`Told without help, or twice: ${line}`)
      families.set(typed, { type, samples: [] })
      current = typed
    } else {
      const sample = sampleOf(line)
      const family = families.get(current)
      const suffix = sample.name.slice(current.length)
      const fits = family?.type === 'histogram' ? ['_bucket', '_sum', '_count'].includes(suffix) : suffix === ''
      if (!family || !sample.name.startsWith(current) || !fits) throw new Error(`No sample of ${current}: ${line}`)
      const id = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`
      if (series.has(id)) throw new Error(`Told twice: ${line}`)
      series.add(id)
      family.samples.push(sample)
    }
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkBuckets(name, family.samples)
  return families
}

function sampleOf(line: string): Sample {
  const [, name, inside = '', value] = SAMPLE.exec(line) ?? []
  if (name === undefined) throw new Error(`Not a sample: ${line}`)
  const labels: Record<string, string> = {}
  for (LABEL.lastIndex = 0; LABEL.lastIndex < inside.length; ) {
    const [, label, told] = LABEL.exec(inside) ?? []
    if (label === undefined || label in labels) throw new Error(`Not labels: ${line}`)
    labels[label] = told as string
  }
  return { name, labels, value: Number(value?.replace('Inf', 'Infinity')) }
}

function checkBuckets(name: string, samples: readonly Sample[]): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...rest } }) => JSON.stringify(Object.entries(rest).sort()))
  for (const [labels, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels: { le } }) => Number(le?.replace('Inf', 'Infinity')))
    const counts = buckets.map(({ value }) => value)
    const rises = (values: readonly number[]) => values.every((value, at) => at === 0 || value >= (values[at - 1] ?? 0))
    const count = group.find((sample) => sample.name === `${name}_count`)?.value
    const sum = group.find((sample) => sample.name === `${name}_sum`)?.value
    if (!rises(bounds) || !rises(counts) || bounds.at(-1) !== Number.POSITIVE_INFINITY || counts.at(-1) !== count)
      throw new Error(`The buckets of ${name} ${labels} do not add up: ${counts} for ${bounds}, ${count} in all.`)
    if (sum === undefined) throw new Error(`${name} ${labels} has no sum.`)
  }
}
