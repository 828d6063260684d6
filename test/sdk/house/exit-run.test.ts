import { expect } from 'chai'
import type { HouseChain } from '../../../sdk/chain/house/house-chain.ts'
import { emptyLeaf } from '../../../sdk/clearing/epoch.ts'
import type { Hex } from '../../../sdk/core/types.ts'
import type { ExitEpoch, HouseExit } from '../../../sdk/house/member/exit-file.ts'
import { exitHouse } from '../../../sdk/house/member/exit-run.ts'
import { genesis } from '../../../sdk/house/operator/archive.ts'

const domain = { chainId: 31_337n, adjudicator: `0x${'aa'.repeat(20)}` } as const
const identity = { signer: `0x${'bb'.repeat(20)}`, owner: `0x${'cc'.repeat(20)}` } as const
const HASH: Hex = `0x${'dd'.repeat(32)}`

function epochOf(number: bigint, leaving: bigint): ExitEpoch {
  const leaf = emptyLeaf(1)
  const lines = leaf.lines.map((line) => ({ ...line, leaving }))
  const proof = { index: 0, leaf: { ...leaf, lines }, path: [] }
  return { epoch: { ...genesis(1), number, cut: 1n }, proof, locks: [], statuses: [] }
}

const late = {
  number: 2n,
  previous: HASH,
  member: HASH,
  asset: 0,
  amount: 5n,
  deposited: 5n,
  requested: 0n,
  totals: [5n],
}

const exitWith = (epochs: readonly ExitEpoch[]): HouseExit => ({
  domain,
  identity,
  payees: [],
  epochs,
  postings: [late],
  receipts: [],
  accounts: [],
  incoming: [],
})

/** A house that has halted with epoch 3, and does not pay what left in epoch 1. */
class HaltedHouse {
  readonly domain = domain
  readonly taken: string[] = []

  async state() {
    const facts = { final: 3n, finalized: 3n, isSettled: true, isRunning: false, head: { timestamp: 1n } }
    return { latest: facts, confirmed: facts }
  }

  async epoch(number: bigint) {
    return { epoch: { ...genesis(1), number, cut: 1n }, committedAt: 1n }
  }

  async collect({ number }: { readonly number: bigint }) {
    if (number === 1n) throw new Error('It is not taken.')
    this.taken.push(`left in ${number}`)
  }

  async exit() {
    this.taken.push('balance')
  }

  async refund() {
    this.taken.push('deposit')
  }
}

describe('an exit from a house of which a step fails', () => {
  it('makes all other steps, tells the failure, and throws it at the end', async () => {
    const house = new HaltedHouse()
    const kinds: string[] = []
    const exit = exitWith([epochOf(1n, 7n), epochOf(2n, 8n), epochOf(3n, 0n)])
    const onStep = ({ kind }: { readonly kind: string }) => void kinds.push(kind)
    const error = await exitHouse(exit, house as unknown as HouseChain, { onStep }).catch((reason) => reason)
    expect(error).to.be.instanceOf(Error).and.include({ message: 'It is not taken.' })
    expect(house.taken).to.deep.equal(['left in 2', 'balance', 'deposit'])
    expect(kinds).to.deep.equal(['failed', 'collected', 'exited', 'refunded'])
  })

  it('takes what had left by a file that is too old for the balance', async () => {
    const house = new HaltedHouse()
    const error = await exitHouse(exitWith([epochOf(2n, 8n)]), house as unknown as HouseChain).catch((reason) => reason)
    expect(error).to.include({ code: 'HOUSE_EXIT_FILE_TOO_OLD' })
    expect(house.taken).to.deep.equal(['left in 2'])
  })
})
