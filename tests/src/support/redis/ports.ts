import { once } from 'node:events'
import { createServer } from 'node:net'

/** The bus of a cluster node listens this much above its port. */
const BUS = 10_000

/** A port that nobody listens on, and that no other test can be given meanwhile. */
export const CLOSED_PORT = 1

/** A port of this machine that nobody listens on yet: whoever is first takes it. */
export async function freePort(): Promise<number> {
  const port = await listen(0)
  if (port === undefined) throw new Error('No port is free.')
  return port
}

/** A free port whose cluster bus port is free too. */
export async function freeClusterPort(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (port + BUS < 65_536 && (await listen(port + BUS)) !== undefined) return port
    const lower = port - BUS
    if (lower > 1_024 && (await listen(lower)) !== undefined && (await listen(port)) !== undefined) return lower
  }
}

async function listen(port: number): Promise<number | undefined> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as { port: number }).port
  } catch {
    return undefined
  } finally {
    server.close()
  }
}
