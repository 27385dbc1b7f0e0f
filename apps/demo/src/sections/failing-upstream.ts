import { setTimeout as sleep } from 'node:timers/promises'
import { CircuitBreakerOpen, circuitBreaker, failover } from '@cashews/strategies'
import { count } from '../print/units.ts'
import type { Section } from '../section.ts'

class UpstreamDown extends Error {}

export const failingUpstream: Section = {
  title: 'A failing upstream',
  promise:
    'A service answers, fails, and recovers. failover keeps answering; a circuit breaker stops calling it meanwhile.',

  async show({ cache, report }) {
    const states: string[] = []
    let isDown = false
    let asked = 0
    const upstream = async (city: string) => {
      asked++
      if (isDown) throw new UpstreamDown(city)
      return `weather of ${city}`
    }
    const guarded = circuitBreaker(
      cache,
      {
        errorsRate: 50,
        period: '10s',
        ttl: '200ms',
        minCalls: 4,
        prefix: 'demo',
        key: 'weather',
        onChange: ({ state }) => states.push(state),
      },
      upstream,
    )
    const weather = failover(
      cache,
      { ttl: '1m', errors: [UpstreamDown, CircuitBreakerOpen], prefix: 'demo', key: 'weather:{city}' },
      async (city: string) => guarded(city),
    )
    const rows: string[][] = []
    const ask = async (when: string, times: number) => {
      const before = asked
      let answered = 0
      for (let nth = 0; nth < times; nth++)
        if ((await weather('Cusco').catch(() => undefined)) !== undefined) answered++
      rows.push([when, count(times), count(answered), count(asked - before), states.at(-1) ?? 'closed'])
      return answered === times
    }

    const well = await ask('works', 2)
    isDown = true
    const down = await ask('is down', 50)
    const callsWhileDown = asked
    isDown = false
    await sleep(250)
    const back = await ask('works again', 2)

    report.table(['the upstream', 'callers', 'answered', 'calls upstream', 'breaker'], rows)
    report.claim('every caller got an answer', well && down && back)
    report.claim('while it was down, the breaker let fewer than ten calls through', callsWhileDown < 10)
    // On a slow store, 50 calls may take longer than the ttl: then the breaker tries one call, and opens again.
    const story = /^open(?:,half-open,open)*,half-open,closed$/
    report.claim('the breaker opened, tried one call, and closed', story.test(states.join()))
    await weather.invalidate('Cusco')
    await guarded.invalidate('Cusco')
  },
}
