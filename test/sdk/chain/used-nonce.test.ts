import { expect } from 'chai'
import type { Attempt } from '../../../sdk/chain/journal.ts'
import { verdictOf } from '../../../sdk/chain/used-nonce.ts'
import type { Hex } from '../../../sdk/core/types.ts'

const hashOf = (byte: string): Hex => `0x${byte.repeat(32)}`
const attempt: Attempt = { hash: hashOf('aa'), raw: '0x01', fees: { gasPrice: 1n }, block: 1 }
const request = { functionName: 'settle', to: `0x${'11'.repeat(20)}`, data: '0x22', value: 3n, gasLimit: 4n } as const
const entry = (attempts: readonly Attempt[]) => ({ attempts, request })
const { to, data, value } = request
const same = { hash: hashOf('bb'), to, data, value, block: 2 }
const other = { ...same, data: '0x33' } as const

describe('a nonce that is used up', () => {
  it('says nothing while it is not seen what used it, or an attempt has no receipt yet', () => {
    expect(verdictOf(entry([attempt]), undefined)).to.deep.equal({ kind: 'wait' })
    expect(verdictOf(entry([attempt]), { ...other, hash: attempt.hash })).to.deep.equal({ kind: 'wait' })
  })

  it('was used by the same call, whatever its hash', () => {
    expect(verdictOf(entry([attempt]), same)).to.deep.equal({ kind: 'sent', hash: same.hash })
    expect(verdictOf(entry([]), same)).to.deep.equal({ kind: 'sent', hash: same.hash })
  })

  it('was used by another call: free for a new one, replaced in a wallet, or nobody knows', () => {
    const { raw: _, ...asked } = attempt
    expect(verdictOf(entry([attempt]), other)).to.deep.equal({ kind: 'outrun' })
    expect(verdictOf(entry([asked]), other)).to.deep.equal({ kind: 'replaced' })
    expect(verdictOf(entry([]), other)).to.deep.equal({ kind: 'unknown' })
  })
})
