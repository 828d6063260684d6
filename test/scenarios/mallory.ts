import { channelIdOf } from '../../sdk/core/channel.ts'
import { stateDigest } from '../../sdk/core/state.ts'
import { type Channel, COIN, type Domain, type LedgerRef, type State } from '../../sdk/core/types.ts'
import { blankLane, type Lane } from '../../sdk/protocols/ledger.ts'
import type { LedgerMessage, Message, Propose } from '../../sdk/protocols/messages.ts'
import { encodeOperations } from '../../sdk/protocols/operations.ts'
import { packAmounts } from '../../sdk/protocols/payments.ts'
import { decodeMessage, encodeMessage } from '../../sdk/protocols/wire.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import type { Connection } from '../../sdk/transport/transport.ts'
import { signerOf } from '../sdk/node/actors.ts'
import { until } from '../until.ts'
import type { Actor, Stage } from './stage.ts'

/** A member that holds a valid key and keeps to no protocol: it says over TCP whatever a test tells it to. */
export class Mallory {
  readonly stage: Stage
  readonly name: string
  readonly heard: Message[] = []
  readonly #connection: Connection
  isCutOff = false

  private constructor(stage: Stage, name: string, connection: Connection) {
    this.stage = stage
    this.name = name
    this.#connection = connection
    connection.onFrame = (frame) => this.heard.push(decodeMessage(frame))
    connection.onClose = () => {
      this.isCutOff = true
    }
  }

  /** Dials an actor and greets it. */
  static async dial(stage: Stage, { address }: Actor, name = 'mallory', owner = stage.ownerOf(name)): Promise<Mallory> {
    const transport = tcpTransport({ signer: signerOf(name) })
    const mallory = new Mallory(stage, name, await transport.dial(address))
    return mallory.send({ kind: 'hello', protocol: 1, domain: mallory.domain, owner })
  }

  get domain(): Domain {
    return this.stage.domain
  }

  send(...messages: Message[]): this {
    for (const message of messages) this.#connection.send(encodeMessage(message))
    return this
  }

  hangUp(): void {
    this.#connection.close()
  }

  /** What it heard of a kind, oldest first. */
  of<K extends Message['kind']>(kind: K): Extract<Message, { kind: K }>[] {
    return this.heard.filter((message) => message.kind === kind) as Extract<Message, { kind: K }>[]
  }

  async hears<K extends Message['kind']>(kind: K, count = 1): Promise<Extract<Message, { kind: K }>> {
    await until(() => this.of(kind).length >= count)
    return this.of(kind)[count - 1]!
  }

  /** Opens the channel with this nonce. */
  open(actor: Actor, nonce: bigint, assets = [COIN]): Promise<Ledger> {
    return this.openAs(this.stage.channelOf(actor.name, this.name, nonce), assets)
  }

  async openAs(channel: Channel, assets = [COIN]): Promise<Ledger> {
    this.send({ kind: 'open', channel, assets })
    await this.hears('opened')
    return new Ledger(this, channel)
  }
}

/** A ledger from mallory's side: makes the states and messages that an honest node would, and any others. */
export class Ledger {
  readonly mallory: Mallory
  readonly channel: Channel
  readonly ref: LedgerRef
  /** Mallory's member index. */
  readonly me: number

  constructor(mallory: Mallory, channel: Channel) {
    this.mallory = mallory
    this.channel = channel
    this.ref = { channelId: channelIdOf(mallory.domain, channel), asset: COIN }
    this.me = channel.members.findIndex(({ signer }) => signer === signerOf(mallory.name).address)
  }

  get peer(): number {
    return 1 - this.me
  }

  sign(state: State): Uint8Array {
    return signerOf(this.mallory.name).sign(stateDigest(this.mallory.domain, state))
  }

  /** A state of member `lane`'s lane that has given `amount` to the other member. */
  state(lane: number, version: bigint, amount: bigint, generation = 0): State {
    const credits = lane === 0 ? [-amount, amount] : [amount, -amount]
    return { ...blankLane(this.ref, generation, lane).newest, version, credits }
  }

  lane(index: number, known: Partial<Lane> = {}, generation = 0): Lane {
    return { ...blankLane(this.ref, generation, index), ...known }
  }

  /** Shows these lanes, by default empty ones. */
  sync(own: Partial<Lane> = {}, peer: Partial<Lane> = {}, generation = 0): this {
    const lanes = { own: this.lane(this.me, own, generation), peer: this.lane(this.peer, peer, generation) }
    this.mallory.send({ kind: 'sync', ...this.ref, generation, ...lanes, want: false })
    return this
  }

  /** Pays `amount` in an update of `version`, honestly signed over all given so far. */
  pay(version: bigint, amount: bigint, given = 0n): this {
    const operations = encodeOperations([{ kind: 'pay', batch: packAmounts([amount], new Uint8Array(16)) }])
    const signature = this.sign(this.state(this.me, version, given + amount))
    return this.say({ kind: 'updates', updates: [{ version, signature, operations }], ack: undefined })
  }

  /** Proposes a withdrawal; what is not said is what an honest node would say. */
  propose(over: Partial<Propose>): this {
    const plain = { seq: 0, closing: false, amount: 1n, to: COIN, toMember: 0, version: 0n } as const
    const empty = { toChannel: `0x${'00'.repeat(32)}`, balances: [0n, 0n], validUntil: 0n, dispute: 0n } as const
    return this.say({ kind: 'propose', ...plain, ...empty, ...over })
  }

  say(message: Bare<LedgerMessage>): this {
    this.mallory.send({ ...this.ref, generation: 0, ...message } as LedgerMessage)
    return this
  }
}

type Bare<M> = M extends LedgerMessage ? Omit<M, 'channelId' | 'asset' | 'generation'> : never
