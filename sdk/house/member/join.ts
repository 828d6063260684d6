import type { HouseChain } from '../../chain/house/house-chain.ts'
import { memberId } from '../../clearing/account.ts'
import { InvalidOptionError } from '../../core/errors.ts'
import type { Address } from '../../core/types.ts'
import type { SessionSigner } from '../../signing/signer.ts'
import type { Store } from '../../storage/store.ts'
import type { Transport } from '../../transport/transport.ts'
import { Engine } from './engine.ts'
import type { MemberEvent } from './events.ts'
import { HouseMember } from './member.ts'
import { Memory } from './memory.ts'

/** What a member of a house is made of. */
export interface JoinOptions {
  /** Of `connectHouse`; not started yet. With the owner's wallet it can deposit, withdraw, and dispute. */
  readonly chain: HouseChain
  /** Signs accounts. */
  readonly signer: SessionSigner
  /** Gets everything that leaves. */
  readonly owner: Address
  readonly store: Store
  readonly transports: readonly Transport[]
  /** Where the operator is, such as `wss://…`. */
  readonly operator: string
  /** The operator's key on that connection; default: the one that signs for the house. */
  readonly peer?: Address
  /** Whether faults are disputed without being asked; default true, as far as there is a wallet. */
  readonly disputes?: boolean
  /** Gets every event, also those of the start; `on` takes single kinds. */
  readonly onEvent?: (event: MemberEvent) => void
}

/**
 * Becomes, or is again, a member of a clearing house.
 *
 * @example
 * ```ts
 * const house = await joinHouse({ chain, signer, owner, store, transports: [webSocketTransport({ signer })], operator: 'wss://house.example' })
 * await house.deposit(1_000_000n)
 * await house.pay(bob, 250_000n)
 * ```
 */
export async function joinHouse(options: JoinOptions): Promise<HouseMember> {
  const { chain, signer, store } = options
  const owner = options.owner.toLowerCase() as Address
  const identity = { signer: signer.address, owner }
  const assets = chain.terms.assets.length
  const { memory, isNew } = await Memory.open(store, chain.domain.adjudicator, memberId(identity), assets)
  const { domain, terms } = chain
  const transport = transportFor(options.operator, options.transports)
  const engine = new Engine({
    chain,
    domain,
    signer,
    identity,
    id: memberId(identity),
    operator: terms.operator,
    assets,
    memory,
    link: { address: options.operator, operator: options.peer ?? terms.operator, domain, transport },
    disputes: options.disputes ?? true,
    onEvent: options.onEvent,
  })
  await engine.start(isNew)
  return new HouseMember(engine)
}

/** The one that dials such an address. Throws `InvalidOptionError` if there is none. */
export function transportFor(address: string, transports: readonly Transport[]): Transport {
  const scheme = address.slice(0, address.indexOf(':') + 1)
  const found = transports.find(({ schemes }) => schemes.includes(scheme))
  if (found) return found
  throw new InvalidOptionError(
    'operator',
    `No transport serves ${JSON.stringify(address)}. Pass one for ${scheme || 'it'}, or correct the address.`,
  )
}
