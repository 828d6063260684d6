import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** A site of one page, with one bundled script. */
export interface Site {
  readonly url: string
  close(): Promise<void>
}

/**
 * Bundles code as dApps do: for browsers, with no module left to look for. Throws if anything in it needs Node. It may import files beside
 * this one, and this package by its name.
 */
export async function bundle(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    alias: { tallystick: fileURLToPath(new URL('../../sdk/index.ts', import.meta.url)) },
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'esm',
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}

/** Serves a page with this script in it, on a port of its own; `policy` says what the script may do. */
export async function serve(script: string, policy?: string): Promise<Site> {
  const server = createServer(({ url }, response) => {
    const isScript = url === '/script.js'
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html')
    if (policy) response.setHeader('Content-Security-Policy', policy)
    response.end(
      isScript ? script : '<!doctype html><meta charset="utf-8"><script type="module" src="script.js"></script>',
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
