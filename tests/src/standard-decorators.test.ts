import { memory } from '@cashews/backend-memory'
import { createCache, KeyTemplateError } from '@cashews/core'
import { cached, handleOf } from '@cashews/strategies'
import { expect, it } from 'vitest'

const cache = createCache().setup(memory())

class Vault {
  runs = 0

  @cached(cache, { ttl: '2h', key: 'secret:{0}' })
  async #secret(user: string): Promise<string> {
    this.runs++
    return `secret ${user}`
  }

  tell(user: string): Promise<string> {
    return this.#secret(user)
  }

  forget(user: string): Promise<boolean> {
    return handleOf(this, this.#secret).invalidate(user)
  }
}

it('a private method can be decorated, by a standard decorator', async () => {
  const vault = new Vault()
  expect([await vault.tell('a'), await vault.tell('a')]).toEqual(['secret a', 'secret a'])
  expect(vault.runs).toBe(1)
})

it('a private method has a handle inside its class', async () => {
  const vault = new Vault()
  await vault.tell('b')
  expect([await vault.forget('b'), await vault.forget('b')]).toEqual([true, false])
})

it('a derived key is not known before the first instance, and the error says so', async () => {
  class Late {
    @cached(cache, { ttl: '2h', noSelf: true })
    async load(): Promise<number> {
      return 1
    }
  }
  const { template } = Object.getOwnPropertyDescriptors(Late.prototype.load) as { template?: PropertyDescriptor }
  expect(() => template?.get?.()).toThrow(KeyTemplateError)
  expect(() => template?.get?.()).toThrow(/"load".*an instance/)
  await new Late().load()
  expect(template?.get?.()).toBe('Late.load')
})
