import { once } from 'node:events'
import { createServer } from 'node:net'

/** The offset of the cluster bus port from the port of a node. */
const BUS = 10_000

/** A port where nobody listens, and that no test is given. */
export const CLOSED_PORT = 1

/** A free port of this machine. Another program may take it before it is used. */
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
