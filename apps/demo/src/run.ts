import { availableParallelism } from 'node:os'
import { BackendUnavailableError, type Cache, CashewsError, ConfigurationError } from '@cashews/core'
import { chosen } from './chosen.ts'
import { loadCities } from './cities/load-cities.ts'
import { Report } from './print/report.ts'
import { count, duration } from './print/units.ts'
import type { Section, Stage } from './section.ts'

const KILOBYTE = '='.repeat(1024)

/** Called with errors that no caller awaits. */
export type OnError = (error: unknown) => void

/** Shows the sections that were asked for, or all. Returns the exit code: 0 when all claims held. */
export async function run(
  contents: readonly Section[],
  asked: readonly string[],
  connect: (onError: OnError) => Cache,
): Promise<0 | 1> {
  const started = performance.now()
  const report = new Report(process.stdout)
  try {
    const sections = chosen(contents, asked)
    await using cache = connect((error) => report.error(messageOf(error)))
    await showAll(sections, cache, report)
  } catch (error) {
    if (!(error instanceof CashewsError)) throw error // a defect: its stack trace is worth reading
    report.error(error.message)
    return 1
  }
  const { claims, broken, untold } = report
  if (broken.length === 0) {
    const took = duration(performance.now() - started)
    if (untold > 0)
      report.line(
        `\nThe store was unreachable, the service went on. ${count(untold, 'claim')} could not be checked without it.`,
      )
    report.line(`\nAll ${claims} claims held, in ${took}.`)
    report.aside(
      'Each section is a file in apps/demo/src/sections. CACHE_URL runs them on another store, such as redis://localhost.',
    )
    return 0
  }
  report.line('')
  report.error(`${broken.length} of ${claims} claims did not hold: ${broken.join('; ')}.`)
  return 1
}

async function showAll(sections: readonly Section[], cache: Cache, report: Report): Promise<void> {
  const backend = await greet(cache)
  const loading = report.progress('Reading the cities of the world')
  const { cities, took } = await loadCities()
  loading.end()

  const machine = `Node ${process.versions.node}, ${count(availableParallelism(), 'core')}`
  report.heading(`@cashews on ${count(cities.length, 'city', 'cities')}`)
  report.aside(`backend ${backend} · read in ${duration(took)} · ${machine}`)

  let isAway = false
  using _away = cache.on('unavailable', () => {
    isAway = report.isBlind = true
  })
  using _back = cache.on('available', () => {
    isAway = false
  })
  for (const [at, section] of sections.entries()) {
    report.isBlind = isAway
    report.line('')
    report.heading(`${at + 1}. ${section.title}`)
    report.aside(section.promise)
    await forget(cache)
    await showOne(section, { cache, cities, report })
  }
  await forget(cache)
}

/** Shows a section. A store that goes away ends only the section that needs it, such as a transaction. */
async function showOne(section: Section, stage: Stage): Promise<void> {
  try {
    await section.show(stage)
  } catch (error) {
    if (!(error instanceof BackendUnavailableError)) throw error
    stage.report.claim('this whole section, which needs the store', false)
  }
}

/** Returns the name of the backend. Checks that it works, so that it does not cause odd figures later. */
async function greet(cache: Cache): Promise<string> {
  let name = ''
  using _listening = cache.on('ping', ({ backend }) => {
    name = backend.name
  })
  await cache.ping()
  await cache.set('demo:hello', KILOBYTE)
  if ((await cache.get('demo:hello')) === KILOBYTE) return name
  throw new ConfigurationError('The backend keeps nothing. Does CACHE_URL switch it off, or leave it no room?')
}

/** Removes only what the demo has stored, because others may use the backend too. */
async function forget(cache: Cache): Promise<void> {
  await cache.deleteMatch('demo:*')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
