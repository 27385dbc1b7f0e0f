import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { memory } from '@cashews/backend-memory'
import { createCache } from '@cashews/core'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { frameworks, type TestRoute } from './support/web.ts'

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find((name) => !spawnSync(name, ['--version']).error)

/** A tab of a browser, by the protocol of its developer tools. */
class Tab {
  readonly #socket: WebSocket
  readonly #heard: { readonly method: string; readonly params: Record<string, unknown> }[] = []
  #next = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data))
      if (message.method) this.#heard.push(message)
    })
  }

  /** Starts a browser with nothing in its cache, until the test is over. */
  static async open(): Promise<Tab> {
    const profile = await mkdtemp(join(tmpdir(), 'cashews-chromium-'))
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--remote-debugging-port=0',
    ]
    const browser = spawn(chromium as string, [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    onTestFinished(async () => {
      browser.kill('SIGKILL')
      await once(browser, 'exit')
      await rm(profile, { recursive: true, force: true, maxRetries: 10 })
    })
    for await (const line of createInterface(browser.stderr)) {
      const [, authority] = /ws:\/\/([^/]+)/.exec(line) ?? []
      if (authority === undefined) continue
      const tabs = (await (await fetch(`http://${authority}/json/list`)).json()) as {
        type: string
        webSocketDebuggerUrl: string
      }[]
      const socket = new WebSocket(tabs.find(({ type }) => type === 'page')?.webSocketDebuggerUrl as string)
      await once(socket, 'open')
      const tab = new Tab(socket)
      for (const domain of ['Page', 'Network']) tab.#send(`${domain}.enable`)
      return tab
    }
    throw new Error('The browser has ended.')
  }

  /** Loads a page. Answers with which status it came from the server, and which one the page sees. */
  async load(url: string): Promise<{ readonly fromServer: unknown; readonly shown: unknown }> {
    this.#heard.length = 0
    this.#send('Page.navigate', { url })
    const params = (name: string) => this.#heard.find(({ method }) => method === name)?.params
    await vi.waitFor(() => expect(params('Page.loadEventFired')).toBeDefined(), 10_000)
    const { response } = params('Network.responseReceived') as { response: { status: number } }
    return { fromServer: params('Network.responseReceivedExtraInfo')?.statusCode, shown: response.status }
  }

  #send(method: string, params: object = {}): void {
    this.#socket.send(JSON.stringify({ id: ++this.#next, method, params }))
  }
}

describe.skipIf(chromium === undefined).each(frameworks)('$name, asked by a browser', ({ serve }) => {
  it('spares it the content of a page that it has', { timeout: 30_000 }, async () => {
    const asked: unknown[] = []
    const cache = createCache().setup(memory())
    const answer: TestRoute['answer'] = ({ headers }) => {
      asked.push(headers['if-none-match'])
      return { body: '<title>page</title>', headers: { 'content-type': 'text/html', 'cache-control': 'no-cache' } }
    }
    const server = await serve({ cache, etag: true, routes: [{ path: '/page', answer }] })
    onTestFinished(async () => {
      await server.close()
      await cache.close()
    })
    const tab = await Tab.open()
    expect(await tab.load(`${server.url}/page`)).toEqual({ fromServer: 200, shown: 200 })
    expect(await tab.load(`${server.url}/page`)).toEqual({ fromServer: 304, shown: 200 })
    expect(asked).toEqual([undefined, expect.stringMatching(/^W\/"/)])
  })
})
