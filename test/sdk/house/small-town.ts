import type { Address } from '../../../sdk/core/types.ts'
import type { OperatorEvent } from '../../../sdk/house/operator/events.ts'
import { HouseOperator } from '../../../sdk/house/operator/operator.ts'
import type { HouseOperatorOptions } from '../../../sdk/house/operator/options.ts'
import { sessionSigner } from '../../../sdk/signing/session.ts'
import { memoryStore } from '../../../sdk/storage/memory.ts'
import { memorySeal } from '../../../sdk/storage/seal.ts'
import { type MemoryNetwork, memoryTransport } from '../../../sdk/transport/memory.ts'
import type { Transport } from '../../../sdk/transport/transport.ts'
import { FakeChain } from './fake-chain.ts'
import { RawMember } from './raw-member.ts'

export const signer = sessionSigner(new Uint8Array(32).fill(99))
export const WHOLE = 10n ** 18n

/** A house on a chain that takes everything. */
export class Town {
  readonly chain = new FakeChain(signer.address)
  readonly store = memoryStore()
  readonly seal = memorySeal()
  readonly network: MemoryNetwork = new Map()
  readonly events: OperatorEvent[] = []
  house!: HouseOperator
  now = 1_000_000
  readonly #broken = new Set<Address>()

  async open(options: Partial<HouseOperatorOptions> = {}): Promise<this> {
    const { chain, store, seal, network } = this
    this.house = await HouseOperator.start({
      chain: chain.port,
      store,
      seal,
      signer,
      transports: [this.#breakable(memoryTransport({ signer, network }))],
      listen: ['memory:house'],
      epochSeconds: 1_000,
      now: () => this.now,
      onEvent: (event) => this.events.push(event),
      ...options,
    })
    return this
  }

  async member(seed: number, amount = WHOLE): Promise<RawMember> {
    const member = new RawMember(seed, this.chain.domain, signer.address)
    if (amount > 0n) await this.chain.post(member.identity, amount)
    await this.join(member)
    return member
  }

  join(member: RawMember) {
    return member.join(memoryTransport({ signer: member.signer, network: this.network }), 'memory:house')
  }

  /** Cuts the open epoch and waits until it is committed. */
  async cut(...members: RawMember[]): Promise<void> {
    const next = this.house.status().open
    this.now += 1_000_000
    await this.chain.mine()
    for (const member of members) await member.heard('settings', ({ settings }) => settings.committed === next)
  }

  /** The next thing that the house tells this member cannot be sent. */
  breakNext({ identity }: RawMember): void {
    this.#broken.add(identity.signer)
  }

  #breakable(transport: Transport): Transport {
    return {
      ...transport,
      listen: (address, accept) =>
        transport.listen(address, (connection) => {
          const send = connection.send.bind(connection)
          connection.send = (frame) => {
            if (this.#broken.delete(connection.peer)) throw new Error('The socket is gone.')
            return send(frame)
          }
          accept(connection)
        }),
    }
  }

  get alarms() {
    return this.events.filter(({ kind }) => kind === 'alarm')
  }
}
