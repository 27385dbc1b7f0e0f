import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { parentPort, Worker } from 'node:worker_threads'

/** The number of concurrent requests. */
const AT_ONCE = 20

interface Job {
  readonly url: string
  readonly requests: number
}

/** A client in a thread of its own, so that the main thread does only the work of the server. */
export class HttpClient {
  readonly #worker = new Worker(new URL(import.meta.url))

  /** Sends requests over connections that stay open. Rejects when a response has another status than 200. */
  async ask(url: string, requests: number): Promise<void> {
    const job: Job = { url, requests }
    this.#worker.postMessage(job)
    const [problem] = await once(this.#worker, 'message')
    if (problem) throw new Error(problem)
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}

parentPort?.on('message', async ({ url, requests }: Job) => {
  let left = requests
  const one = async (): Promise<void> => {
    while (left-- > 0) await request(url)
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, one))
    parentPort?.postMessage(undefined)
  } catch (error) {
    parentPort?.postMessage(String(error))
  }
})

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })

function request(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume().on('end', () => {
        if (response.statusCode === 200) resolve()
        else reject(new Error(`${url} answered ${response.statusCode}.`))
      })
    }).on('error', reject)
  })
}
