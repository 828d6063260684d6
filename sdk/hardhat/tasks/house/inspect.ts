import { connectHouse } from '../../../chain/house/connect-house.ts'
import type { HouseChain } from '../../../chain/house/house-chain.ts'
import { memoryStore } from '../../../storage/memory.ts'
import { formatAmount } from '../../amounts.ts'
import { print } from '../../facts.ts'
import type { MemberActor } from '../../house/member.ts'
import { type MemberArgs, withMember } from '../../house/run.ts'
import { houseOf, isOperatedHere } from '../../house/scene.ts'
import { action } from '../../run.ts'
import type { Scene } from '../../scene.ts'

interface Args extends MemberArgs {
  readonly json: boolean
}

/** Without an actor the house, its terms and its epochs; with one what it has there. */
export default action((args: Args, scene) =>
  args.as === undefined ? inspectHouse(scene, args) : withMember(scene, args, (member) => inspectMember(member, args)),
)

async function inspectHouse(scene: Scene, { json }: Args) {
  const saved = houseOf(scene)
  const { house, fromBlock } = saved
  const chain = await connectHouse({ rpc: scene.wallet, store: memoryStore(), house, fromBlock })
  try {
    const { latest } = await chain.state()
    const { isRunning, isSettled, lastCommitted, final, postingCount, head } = latest
    const state = isRunning ? 'running' : isSettled ? 'halted and settled' : 'halted'
    const facts = { ...saved, isHere: isOperatedHere(scene, house), ...chain.terms, state, lastCommitted, final }
    const epochs = await epochsOf(chain, final, lastCommitted)
    const lines = Object.entries(facts).map(([key, value]) => `  ${key.padEnd(16)}${value}`)
    for (const { epoch, challengeUntil, open } of epochs)
      lines.push(
        `  epoch ${epoch} can be disputed until ${challengeUntil}, it is ${head.timestamp} (chain seconds); demands: ${open}`,
      )
    const all = { ...facts, postingCount, epochs }
    print(all, json, lines)
    return all
  } finally {
    await chain.stop()
  }
}

/** Those that are committed and not final. */
async function epochsOf(chain: HouseChain, final: bigint, last: bigint) {
  const epochs = []
  for (let epoch = final + 1n; epoch <= last; epoch++) epochs.push({ epoch, ...(await chain.epochStatus(epoch))! })
  return epochs
}

async function inspectMember({ name, house, chain, identity, unit }: MemberActor, { json }: Args) {
  const { final, lastCommitted } = (await chain.state()).latest
  const { id, index } = house
  const lines = [`  ${name} is member ${index} with the id ${id} and the account ${identity.owner}`]
  const balances = Object.fromEntries(house.balances())
  for (const [asset, { available, live, leaving, unsettled }] of house.balances()) {
    const format = await unit(asset)
    const show = (amount: bigint) => formatAmount(amount, format)
    lines.push(
      `  can spend ${show(available)}, of that in no final epoch ${show(unsettled)}; locked ${show(live)}; leaving ${show(leaving)}`,
    )
  }
  const epochs = []
  for (let epoch = final > 0n ? final : 1n; epoch <= lastCommitted; epoch++) {
    const findings = house.verifyEpoch(epoch)
    epochs.push({ epoch, isFinal: epoch <= final, findings })
    const what = findings?.length === 0 ? 'right' : (findings?.map(({ rule }) => rule).join(', ') ?? 'not shown')
    lines.push(`  epoch ${epoch}: ${what}${epoch <= final ? ', final' : ''}`)
  }
  const facts = { name, id, index, ...identity, balances, epochs }
  print(facts, json, lines)
  return facts
}
