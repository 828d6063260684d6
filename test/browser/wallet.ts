/**
 * A wallet as pages see it, in the words of EIP-1193: it knows one account, shows a window for whatever that account must sign, and
 * passes everything else on to its RPC. Runs in the page, before the page's own scripts, so it may refer to nothing outside itself.
 */
export function injectWallet({ rpc, account }: { rpc: string; account: string }): void {
  const ask = async (method: string, params: readonly unknown[] = []): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const response = await fetch(rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const { result, error } = await response.json()
    if (error) throw Object.assign(new Error(error.message), error)
    return result
  }
  const windows: string[] = []
  const ethereum = {
    async request({ method, params }: { method: string; params?: readonly unknown[] }): Promise<unknown> {
      if (method === 'eth_accounts' || method === 'eth_requestAccounts') return [account]
      // Wallets of browsers send what they sign.
      if (method === 'eth_signTransaction' || method === 'eth_sign')
        throw Object.assign(new Error(`The method "${method}" does not exist / is not available.`), { code: -32601 })
      if (/^(eth_sendTransaction|eth_signTypedData|personal_|wallet_)/.test(method)) windows.push(method)
      return ask(method, params)
    },
  }
  Object.assign(window, { ethereum, walletWindows: windows })
}
