import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { type HttpRequest, ResponseCache } from '@cashews/http'
import { describe, expect, it } from 'vitest'

const cache = createCache().setup(memory())

/** The key of a GET for `https://shop.example/`, with what is told to differ. */
async function keyOf(request: Partial<HttpRequest> = {}): Promise<string | undefined> {
  const usual = { method: 'GET', url: '/', scheme: 'https', authority: 'shop.example', fields: {} }
  const responses = new ResponseCache(cache, { debug: true, ignoreQuery: ['utm_*'] })
  const { visit } = await responses.decide({ ...usual, client: undefined, raw: undefined, ...request }, {})
  const said = { status: 200, fields: {}, body: '' }
  const { fields } = responses.answer(visit ?? expect.fail(), said, {
    left: undefined,
    age: 0,
    isStale: false,
    keys: [],
  })
  return /key="(.*)"/.exec(String(fields['cache-status']))?.[1]
}

describe('the key of a stored response', () => {
  it('is the URL, in one form of scheme, host and port', async () => {
    expect(await keyOf({ url: '/a?b=1' })).toBe('http:https://shop.example/a?b=1')
    expect(await keyOf({ authority: 'SHOP.example:443' })).toBe('http:https://shop.example/')
    expect(await keyOf({ authority: 'shop.example:80' })).toBe('http:https://shop.example:80/')
    expect(await keyOf({ authority: 'shop.example:80', scheme: 'http' })).toBe('http:http://shop.example/')
    expect(await keyOf({ authority: 'shop.example:443', scheme: 'http' })).toBe('http:http://shop.example:443/')
  })

  it.each([
    ['x-forwarded-proto', 'https', 'http'],
    ['x-forwarded-scheme', 'https', 'http'],
    ['x-forwarded-host', 'shop.example:8443', 'evil.example'],
    ['x-host', 'shop.example:8443', 'evil.example'],
    ['x-forwarded-port', '8443', '443'],
  ])('says nothing of %s that repeats what is known, and shows any other', async (name, same, other) => {
    const authority = 'shop.example:8443'
    const plain = await keyOf({ authority })
    expect(await keyOf({ authority, fields: { [name]: same } })).toBe(plain)
    expect(await keyOf({ authority, fields: { [name]: other } })).toContain(`${name}=`)
  })

  it('knows the ports that go without saying', async () => {
    for (const [scheme, port] of [
      ['https', '443'],
      ['http', '80'],
    ] as const)
      expect(await keyOf({ scheme, fields: { 'x-forwarded-port': port } })).toBe(await keyOf({ scheme }))
  })

  it.each([
    'x-forwarded-prefix',
    'x-original-url',
    'x-rewrite-url',
    'x-http-method',
    'x-http-method-override',
    'x-method-override',
    'forwarded',
  ])('shows %s, whatever it says', async (name) => {
    const keys = [await keyOf(), await keyOf({ fields: { [name]: 'a' } }), await keyOf({ fields: { [name]: 'b' } })]
    expect(new Set(keys).size).toBe(3)
  })

  it('of a long URL is short, and its own', async () => {
    const long = (end: string) => keyOf({ url: `/${'a'.repeat(5_000)}${end}` })
    const [one, other] = [(await long('1')) as string, (await long('2')) as string]
    expect([one.length, other.length]).toEqual([512, 512])
    expect(one).not.toBe(other)
    expect(await long('1')).toBe(one)
  })

  it.each([
    ['?b=1&a=2', '?a=2&b=1'],
    ['?a=2&b=1&utm_source=x', '?a=2&b=1'],
    ['?utm_source=x', ''],
    ['?utm%5Fsource=x', ''],
  ])('takes the query %s for %s', async (query, same) => {
    expect(await keyOf({ url: `/${query}` })).toBe(`http:https://shop.example/${same}`)
  })

  it.each([
    ['?a=1;b=2&a=3', '?a=3&a=1;b=2'],
    ['?a=1&%61=2', '?%61=2&a=1'],
    ['?a[]=1&a=2', '?a=2&a[]=1'],
    ['?a.b=1&a=2', '?a=2&a.b=1'],
    ['?a+b=1&a%20b=2', '?a%20b=2&a+b=1'],
    ['?%=1&a=1', '?a=1&%=2'],
  ])('tells the query %s from %s, as frameworks may', async (query, other) => {
    expect(await keyOf({ url: `/${query}` })).not.toBe(await keyOf({ url: `/${other}` }))
  })
})
