// Compiled with TypeScript's experimentalDecorators; the type checker of this workspace knows standard decorators only.
import { memory } from '@cashews/backend-memory'
import { type Bloom, bloom, dualBloom } from '@cashews/bloom'
import { createCache } from '@cashews/core'
import { expect, it } from 'vitest'

const cache = createCache().setup(memory())

class Shop {
  asked = 0

  @bloom(cache, { name: 'sells', capacity: 100, noSelf: true })
  async sells(item: string): Promise<boolean> {
    this.asked++
    return item === 'bread'
  }

  @dualBloom(cache, { name: 'likes', capacity: 100, key: '{item}' })
  async likes(item: string): Promise<boolean> {
    this.asked++
    return item === 'bread'
  }

  @bloom(cache, { name: 'knows', capacity: 100 })
  static async knows(city: string): Promise<boolean> {
    return city === 'Rome'
  }
}

it('a filter is a legacy decorator of methods too', async () => {
  const shop = new Shop()
  await (shop.sells as unknown as Bloom<(item: string) => boolean>).of(shop).set('bread')
  expect(await shop.sells('bread')).toBe(true)
  expect(await shop.sells('salt')).toBe(false)
  expect(shop.asked).toBe(2)
  for (let time = 0; time < 2; time++) expect(await shop.likes('salt')).toBe(false)
  expect(shop.asked).toBe(3)
  await (Shop.knows as unknown as Bloom<(city: string) => boolean>).set('Rome')
  expect(await Shop.knows('Oslo')).toBe(false)
})
