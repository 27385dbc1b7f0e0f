import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { compileKey } from '../../src/key/compile-key.ts'
import { keyContext, registerKeyContext } from '../../src/key/context.ts'
import { keyOf } from './key-of.ts'

describe('the key context', () => {
  const key = (): string => keyOf((id: string) => id, { key: '{@tenant}:{id}' }, 'x')

  it('fills @names', () => {
    expect(keyContext({ tenant: 'acme' }, key)).toBe('acme:x')
    expect(keyContext({ tenant: { id: 5 } }, () => keyOf(() => 0, { key: '{@tenant.id:raw}' }))).toBe('5')
  })

  it('is escaped like an argument', () => {
    expect(keyContext({ tenant: 'a:*' }, key)).toBe('a%3A%2A:x')
  })

  it('nests, and is restored', () => {
    keyContext({ tenant: 'outer', more: 1 }, () => {
      expect(keyContext({ tenant: 'inner' }, () => keyOf(() => 0, { key: '{@tenant}:{@more}' }))).toBe('inner:#1')
      expect(key()).toBe('outer:x')
    })
    expect(key).toThrow('No keyContext provides "tenant". In {@tenant} of the template "{@tenant}:{id}".')
  })

  it('follows the asynchronous call and no other', async () => {
    const later = async (): Promise<string> => {
      await sleep(1)
      return key()
    }
    const [a, b] = await Promise.all([keyContext({ tenant: 'a' }, later), keyContext({ tenant: 'b' }, later)])
    expect([a, b]).toEqual(['a:x', 'b:x'])
  })

  it('does not provide inherited properties', () => {
    expect(() => keyContext({}, () => keyOf(() => 0, { key: '{@toString}' }))).toThrow(
      'No keyContext provides "toString"',
    )
  })

  it('is read at each call, even when arguments repeat', () => {
    const compiled = compileKey({ fn: (id: string) => id, kind: 'function' }, { key: '{@tenant}:{id}' })
    const call = () => compiled.render(undefined, ['x'])
    expect(keyContext({ tenant: 'a' }, call)).toBe('a:x')
    expect(keyContext({ tenant: 'b' }, call)).toBe('b:x')
  })
})

describe('registerKeyContext', () => {
  it('lets templates use bare names, from then on', () => {
    const define = () => compileKey({ fn: () => 0, kind: 'function' }, { key: 'user:{client_id}' })
    expect(define).toThrow('Unknown name "client_id"')
    registerKeyContext('client_id')
    const compiled = define()
    expect(keyContext({ client_id: 135356 }, () => compiled.render(undefined, []))).toBe('user:#135356')
    expect(() => compiled.render(undefined, [])).toThrow('No keyContext provides "client_id"')
  })

  it('never hides a parameter', () => {
    registerKeyContext('id')
    const key = () => keyOf((x: string, id: string) => x + id, { key: '{id}', args: ['x', 'id'] }, 'x', 'argument')
    expect(keyContext({ id: 'context' }, key)).toBe('argument')
  })
})
