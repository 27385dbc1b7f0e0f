import { handClock } from '@cashews/conformance'
import { type Saboteur, sharing } from './tools.ts'

export const isolation: Readonly<Record<string, Saboteur>> = {
  'changing a value after set changes nothing in the store': sharing('set', 'get'),
  'changing a value after get changes nothing in the store': sharing('none', 'get'),
  'changing a value after setMany changes nothing in the store': sharing('setMany', 'get'),
  'changing a value after getMany changes nothing in the store': sharing('none', 'getMany'),
  'changing a value after apply changes nothing in the store': sharing('apply', 'get'),
  'changing a value after inspect changes nothing in the store': (store) => {
    const shared = sharing('none', 'inspect')(store, handClock())
    return { ...shared, get: async (key) => Object(await shared.inspect?.(key)).value }
  },
  'changing a value after getNow changes nothing in the store': (store) => {
    const shared = sharing('none', 'getNow')(store, handClock())
    return { ...shared, get: (key) => structuredClone(shared.getNow?.(key)) }
  },

  'changing a value after answerNow changes nothing in the store': (store) => {
    let shared: Promise<unknown> | undefined
    return {
      answerNow(key) {
        shared ??= store.answerNow(key)
        return shared
      },
    }
  },
}
