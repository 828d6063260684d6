import { expect } from 'chai'
import { Interface } from 'ethers'
import { artifacts } from 'hardhat'

/** Opcodes with which a contract runs somebody else's code as its own, or vanishes. */
const FORBIDDEN = new Map([
  [0xf2, 'CALLCODE'],
  [0xf4, 'DELEGATECALL'],
])

/** Opcodes that read or write storage, transient storage too. */
const STORAGE = new Map([
  [0x54, 'SLOAD'],
  [0x55, 'SSTORE'],
  [0x5c, 'TLOAD'],
  [0x5d, 'TSTORE'],
])

const CONDITIONS = ['SecretCondition', 'PointCondition', 'ClockCondition', 'VouchedCondition', 'LogicCondition']
const HOUSES = ['ClearingHouse', 'HouseCourt', 'HouseStake']
const CONTRACTS = ['Adjudicator', 'OutcomeRegistry', 'AppArbiter', ...HOUSES, ...CONDITIONS]

const PUSH1 = 0x60
const PUSH32 = 0x7f

/** The opcodes of runtime code, without the data of its pushes. */
function* opcodes(code: Buffer): Generator<number> {
  for (let i = 0; i < code.length; i++) {
    const opcode = code[i] ?? 0
    yield opcode
    if (opcode >= PUSH1 && opcode <= PUSH32) i += opcode - PUSH1 + 1
  }
}

/** Which of these opcodes the runtime code of a contract holds. */
async function used(name: string, wanted: ReadonlyMap<number, string>): Promise<string[]> {
  const { deployedBytecode } = await artifacts.readArtifact(name)
  return [...opcodes(Buffer.from(deployedBytecode.slice(2), 'hex'))].flatMap((one) => wanted.get(one) ?? [])
}

/** What a contract can be asked to do: its functions that may change something. */
async function actions(name: string): Promise<string[]> {
  const { abi } = await artifacts.readArtifact(name)
  const list: string[] = []
  new Interface(abi).forEachFunction((f) => {
    if (!f.constant) list.push(`${f.name}${f.payable ? ' payable' : ''}`)
  })
  return list.sort()
}

describe('The contracts as they are deployed', () => {
  it('C53 let nobody do anything but this: no owner, no pause, no upgrade, no fee', async () => {
    expect(await actions('Adjudicator')).to.deep.equal([
      'announce',
      'checkpoint',
      'claim',
      'claimFor',
      'collect',
      'deposit payable',
      'depositAnnounced payable',
      'depositBatch payable',
      'depositCoin payable',
      'depositWithAuthorization',
      'depositWithPermit',
      'depositWithPermit2',
      'redeem',
      'settle',
      'submit',
      'withdraw',
    ])
    expect(await actions('OutcomeRegistry')).to.deep.equal(['record', 'recordBatch', 'reveal', 'revealBatch'])
    expect(await actions('AppArbiter')).to.deep.equal(['agree', 'conclude', 'deploy', 'move', 'submit'])
  })

  it('C53 take no coins but by those functions', async () => {
    for (const name of CONTRACTS) {
      const { abi } = await artifacts.readArtifact(name)
      expect(abi.filter(({ type }: { type: string }) => type === 'receive' || type === 'fallback')).to.deep.equal([])
    }
  })

  it('C53 run no code of others as their own', async () => {
    for (const name of CONTRACTS) expect(await used(name, FORBIDDEN), name).to.deep.equal([])
  })

  it('C51 C53 keep nothing and change nothing as conditions', async () => {
    for (const name of CONDITIONS) {
      expect(await actions(name), name).to.deep.equal([])
      expect(await used(name, STORAGE), name).to.deep.equal([])
    }
    expect(await used('OutcomeRegistry', STORAGE)).to.include.members(['SLOAD', 'SSTORE'])
  })

  it('C52 fit into 24,576 bytes each', async () => {
    for (const name of CONTRACTS) {
      const { deployedBytecode } = await artifacts.readArtifact(name)
      expect((deployedBytecode.length - 2) / 2, name).to.be.at.most(24_576)
    }
  })
})
