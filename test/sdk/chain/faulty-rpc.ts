import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One JSON-RPC request on its way to the chain. */
export interface Call {
  readonly method: string
  readonly params: readonly unknown[]
  /** Asks the real chain. */
  forward(): Promise<unknown>
  /** Asks it something else. */
  at(method: string, params: readonly unknown[]): Promise<unknown>
}

/** A JSON-RPC error of the node itself. */
export class NodeError extends Error {}

/** A real HTTP server in front of a chain's RPC, whose faults can be changed while it runs. */
export interface FaultyRpc {
  readonly url: string
  /** Decides each answer; undefined never answers. The default is the truth. */
  answer: (call: Call) => Promise<unknown>
  readonly calls: Call[]
  stop(): Promise<void>
}

export const truth = (call: Call): Promise<unknown> => call.forward()
/** A request that is never answered. */
export const silence = (): Promise<never> => new Promise(() => {})

export async function faultyRpc(target: string): Promise<FaultyRpc> {
  let id = 0
  async function forward(method: string, params: readonly unknown[]): Promise<unknown> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params })
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(target, { method: 'POST', headers, body })
    const { result, error } = (await response.json()) as { result: unknown; error?: { message: string } }
    if (error) throw new NodeError(error.message)
    return result
  }
  async function one({ id, method, params }: { id: number; method: string; params: unknown[] }): Promise<object> {
    const call: Call = { method, params, forward: () => forward(method, params), at: forward }
    faulty.calls.push(call)
    try {
      return { jsonrpc: '2.0', id, result: await faulty.answer(call) }
    } catch (error) {
      return { jsonrpc: '2.0', id, error: { code: -32000, message: (error as Error).message } }
    }
  }
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const asked = JSON.parse(text)
    const answers = Array.isArray(asked) ? await Promise.all(asked.map(one)) : await one(asked)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answers))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const faulty: FaultyRpc = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: truth,
    calls: [],
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
  return faulty
}
