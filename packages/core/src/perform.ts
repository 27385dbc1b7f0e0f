import { type Awaitable, chain } from './awaitable.ts'
import { type Backend, MISS } from './backend.ts'
import { batches } from './batches.ts'
import type { Call, CallOf } from './command.ts'
import { NotSupportedError } from './errors.ts'

/** Carries out a call that is no stream on its backend. */
export function perform(call: Exclude<Call, CallOf<'scan' | 'getMatch'>>): Awaitable<unknown> {
  const { backend } = call
  switch (call.command) {
    case 'get':
      return call.stale && backend.tags ? backend.tags.stale(call.key) : backend.get(call.key)
    case 'getMany':
      return backend.getMany(call.keys)
    case 'getRaw':
      return backend.getRaw(call.key)
    case 'set':
      return call.tags
        ? group(backend, 'tags').set(call.key, call.value, call.lifetime, call.tags, call)
        : backend.set(call.key, call.value, call.lifetime, call.exists)
    case 'setMany':
      return call.tags
        ? group(backend, 'tags').setMany(call.entries, call.lifetime, call.tags)
        : backend.setMany(call.entries, call.lifetime)
    case 'setRaw':
      return backend.setRaw(call.key, call.value, call.lifetime)
    case 'delete':
      return backend.delete(call.key)
    case 'deleteMany':
      return backend.deleteMany(call.keys)
    case 'deleteMatch':
      return backend.deleteMatch(call.pattern)
    case 'exists':
      return backend.exists(call.key)
    case 'incr':
      return call.tags
        ? group(backend, 'tags').incr(call.key, call.by, call.lifetime, call.tags)
        : backend.incr(call.key, call.by, call.lifetime)
    case 'expire':
      return backend.expire(call.key, call.lifetime)
    case 'getExpire':
      return backend.timeLeft(call.key)
    case 'clear':
      return backend.clear()
    case 'ping':
      return backend.ping(call.message)
    case 'getSize':
      return backend.size(call.key)
    case 'getKeysCount':
      return backend.count()
    case 'setLock':
      return group(backend, 'locks')[call.extend ? 'extend' : 'acquire'](call.key, call.token, call.lifetime)
    case 'unlock':
      return group(backend, 'locks').release(call.key, call.token)
    case 'isLocked':
      return group(backend, 'locks').isLocked(call.key)
    case 'getBits':
      return group(backend, 'bits').get(call.key, call.indexes, call.size)
    case 'incrBits':
      return group(backend, 'bits').incr(call.key, call.indexes, call.size, call.by)
    case 'sliceIncr':
      return group(backend, 'windows').incr(call.key, call)
    case 'setAdd':
      return group(backend, 'sets').add(call.key, call.members, call.lifetime)
    case 'setRemove':
      return group(backend, 'sets').remove(call.key, call.members)
    case 'setPop':
      return group(backend, 'sets').pop(call.key, call.count)
    case 'deleteTags':
      return !backend.tags || chain(backend.tags.delete(call.tags), () => true)
    case 'expireTags':
      return !backend.tags || chain(backend.tags.expire(call.tags), () => true)
    case 'getTags':
      return backend.tags ? backend.tags.of(call.key) : chain(backend.exists(call.key), (there) => (there ? [] : MISS))
  }
}

/** Carries out a call that is a stream. */
export function performStream(call: CallOf<'scan' | 'getMatch'>): AsyncIterable<unknown> | Iterable<unknown> {
  const keys = call.backend.scan(call.pattern, call.batchSize)
  return call.command === 'scan' ? keys : pairs(call.backend, keys, call.batchSize)
}

async function* pairs(
  backend: Backend,
  keys: AsyncIterable<string> | Iterable<string>,
  batchSize: number,
): AsyncGenerator<readonly [string, unknown]> {
  for await (const batch of batches(keys, batchSize)) {
    const values = await backend.getMany(batch)
    for (const [at, key] of batch.entries()) if (values[at] !== MISS) yield [key, values[at]]
  }
}

type Group = 'bits' | 'windows' | 'sets' | 'locks' | 'tags'

function group<G extends Group>(backend: Backend, name: G): Exclude<Backend[G], false | undefined> {
  const found = backend[name]
  if (!found)
    throw new NotSupportedError(
      `The backend "${backend.name}" has no ${name}. Set up another one for this key's prefix.`,
    )
  return found as Exclude<Backend[G], false | undefined>
}
