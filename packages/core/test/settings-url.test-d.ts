import { optionsFromUrl } from '@cashews/core'
import { expectTypeOf, it } from 'vitest'

it('the options of a URL have the types of their kinds, so that a backend needs no casts', () => {
  expectTypeOf(
    optionsFromUrl('etcd://?hosts=a', { hosts: 'text', size: 'integer', wait: 'duration', tls: 'boolean' }),
  ).toEqualTypeOf<{ hosts?: string; size?: number; wait?: number; tls?: boolean }>()
})
