import { accountHash } from '../sdk/clearing/account.ts'
import { tallyPath } from '../sdk/clearing/tally.ts'
import { ethers, House, networkHelpers, WINDOW } from '../test/house/house.ts'

// Gas of a clearing house's calls, coins, in trees as deep and as full as those of houses of three sizes.
// Every figure is a transaction of its own at the network's base fee, net of refunds.

const PEER = new Map([
  ['commit', 80_000],
  ['deposit, first', 135_000],
  ['collect', 150_000],
  ['challenge a leaf', 220_000],
  ['answer for a leaf', 250_000],
])
const COINS = 10n ** 18n
const BOND = { value: COINS, gasLimit: 2_000_000 }
const GAS = { gasLimit: 10_000_000 }

type Figures = Map<string, number>

async function measure(members: number): Promise<Figures> {
  const figures: Figures = new Map()
  const house = await House.open()
  const note = async (name: string, sent: Promise<{ hash: string }>) => {
    const receipt = await ethers.provider.getTransactionReceipt((await sent).hash)
    figures.set(name, Number(receipt!.gasUsed))
  }
  const last = async (name: string) => {
    const block = await ethers.provider.getBlock('latest')
    await note(name, Promise.resolve({ hash: block!.transactions[0]! }))
  }
  const call = (name: string, ...args: unknown[]) => house.house.getFunction(name)(...args, GAS)
  const judge = (name: string, ...args: unknown[]) => house.court.getFunction(name)(house.house.target, ...args)
  const people = Array.from({ length: 130 }, (_, i) => house.join(`member ${i}`))
  const [alice, bob, whale] = people as [(typeof people)[0], (typeof people)[0], (typeof people)[0]]
  const [payer] = await ethers.getSigners()
  await networkHelpers.setBalance(payer!.address, COINS * 10_000_000n)
  await house.deposit(whale, COINS * BigInt(members + 1))
  for (const one of people.slice(2)) await house.deposit(one, 12_345_678_901_234_567n)
  await house.deposit(alice, 12_345_678_901_234_567n)
  await last('deposit, first')
  await house.deposit(alice, 12_345_678_901_234_567n)
  await last('deposit, further')
  await house.deposit(bob, 12_345_678_901_234_567n)
  // What the strangers have comes out of what one member put in.
  house.pay(whale, whale, COINS * BigInt(members), { credit: false })
  house.pay(bob, alice, 1_234_567_890_123n)
  const strangers = { strangers: members - people.length }
  await house.commit(() => {}, strangers)
  for (let i = 0; i < 100; i++) house.pay(alice, bob, 1_234_567_890_123n)
  await house.request(alice, 1_234_567_890_123_456n)
  await last('request a withdrawal')
  const two = await house.commit(() => {}, strangers)
  await last('commit')
  const { account } = alice
  const signature = house.sign(house.operator, accountHash(account!))
  const parts = { member: alice.id, accounts: [account], receipts: [], postings: [], signatures: [signature] }
  await note('challenge a leaf', judge('challengeLeaf', two.epoch, parts, BOND))
  const before = house.epochs[1]!
  const trees = two.trees.get(alice.id)!
  const { topOf } = await import('../sdk/clearing/tally.ts')
  const [leafEvent] = await house.court.queryFilter(house.court.getEvent('LeafDemanded'))
  const demand = (leafEvent as unknown as { args: { demand: { toArray(deep: boolean): unknown[] } } }).args.demand
  await note(
    'answer for a leaf',
    judge(
      'answerLeaf',
      demand.toArray(true),
      alice.identity,
      [before.epoch, two.epoch],
      [house.proof(before, alice), house.proof(two, alice)],
      account,
      alice.signature,
      topOf(trees.statuses),
      topOf(trees.income),
      GAS,
    ),
  )
  const payment = alice.lastPayments[50]!
  await note(
    'challenge a credit',
    judge('challengeCredit', payment, house.membership(alice), house.membership(bob), BOND),
  )
  const [debitEvent] = await house.court.queryFilter(house.court.getEvent('DebitDemanded'))
  const debit = (debitEvent as unknown as { args: { demand: { toArray(deep: boolean): unknown[] } } }).args.demand
  const path = tallyPath(two.trees.get(bob.id)!.income, 50)
  await note(
    'answer for a credit, 100 in the income',
    judge('answerCredit', debit.toArray(true), payment, two.epoch, house.proof(two, bob), 50, path, GAS),
  )
  await networkHelpers.time.increase(WINDOW + 1)
  await call('advance', 10)
  await note('collect', call('collect', two.epoch, ...house.claims(two, [alice])))
  await networkHelpers.time.increase(100_000)
  await note('exit, first', call('exit', two.epoch, ...house.claims(two, [alice])))
  await note('exit, further', call('exit', two.epoch, ...house.claims(two, [bob])))
  await note('exit of 100 at once, each', call('exit', two.epoch, ...house.claims(two, people.slice(3, 103))))
  figures.set('exit of 100 at once, each', Math.round(figures.get('exit of 100 at once, each')! / 100))
  return figures
}

const sizes = [1_000, 32_768, 1_048_576]
const columns: Figures[] = []
for (const size of sizes) columns.push(await measure(size))
const depths = sizes.map((size) => Math.ceil(Math.log2(size)))
console.log(`| call | ${depths.map((depth) => `depth ${depth}`).join(' | ')} | NOCUST | ours/NOCUST |`)
console.log(`|---|${'--:|'.repeat(sizes.length + 2)}`)
for (const [name, deepest] of columns.at(-1)!) {
  const peer = PEER.get(name)
  const ratio = peer === undefined ? '' : (deepest / peer).toFixed(2)
  console.log(`| ${name} | ${columns.map((one) => one.get(name)).join(' | ')} | ${peer ?? ''} | ${ratio} |`)
}
for (const name of ['ClearingHouse', 'HouseCourt', 'HouseStake']) {
  const { deployedBytecode } = await (await import('hardhat')).artifacts.readArtifact(name)
  console.log(`${name}: ${(deployedBytecode.length - 2) / 2} bytes`)
}
