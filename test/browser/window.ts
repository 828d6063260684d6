import type { Eip1193Provider } from '../../sdk/signing/wallet.ts'
import type { Dapp } from './dapp.ts'
import type { runSuite } from './run-suite.ts'

declare global {
  /** What the pages of these tests bring. */
  interface Window {
    readonly loaded?: true
    readonly ethereum: Eip1193Provider
    /** The methods for which the wallet showed its user a window, since the page was loaded. */
    readonly walletWindows: readonly string[]
    readonly dapp: Dapp
    readonly storePage: {
      readonly runSuite: typeof runSuite
      readonly commitOn: () => Promise<void>
      readonly readLog: () => Promise<[string, number[]][]>
    }
    /** Tells the test what was acknowledged. */
    readonly acknowledged: (n: number) => void
  }
}
