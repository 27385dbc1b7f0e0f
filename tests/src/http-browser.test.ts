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

interface Message {
  readonly id?: number
  readonly method: string
  readonly params: { readonly requestId?: string; readonly statusCode?: number; readonly response?: Response }
}

/** A tab of a browser, by the protocol of its developer tools. */
class Tab {
  readonly #socket: WebSocket
  readonly #replies = new Map<number, () => void>()
  #heard: Message[] = []
  #next = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as Message
      if (message.id === undefined) this.#heard.push(message)
      else this.#replies.get(message.id)?.()
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
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
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
      await tab.#send('Network.enable')
      return tab
    }
    throw new Error('The browser has ended.')
  }

  /** Loads a page. Answers with which status it came from the server, and which one the page sees. */
  async load(url: string): Promise<{ readonly fromServer: unknown; readonly shown: unknown }> {
    this.#heard = []
    await this.#send('Page.navigate', { url })
    const all = (name: string) => this.#heard.filter(({ method }) => method === name).map(({ params }) => params)
    // The browser may have other requests under way: it asks for an icon too.
    return vi.waitFor(() => {
      const page = all('Network.responseReceived').find(({ response }) => response?.url === url)
      const ofPage = ({ requestId }: Message['params']) => page !== undefined && requestId === page.requestId
      expect(all('Network.loadingFinished').some(ofPage)).toBe(true)
      const raw = all('Network.responseReceivedExtraInfo').find(ofPage)
      expect(raw).toBeDefined()
      return { fromServer: raw?.statusCode, shown: page?.response?.status }
    }, 20_000)
  }

  async #send(method: string, params: object = {}): Promise<void> {
    const id = ++this.#next
    const replied = new Promise<void>((resolve) => this.#replies.set(id, resolve))
    this.#socket.send(JSON.stringify({ id, method, params }))
    await replied
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
