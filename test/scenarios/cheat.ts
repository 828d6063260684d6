import { appStateDigest, instanceIdOf } from '../../sdk/core/app.ts'
import { toBytes } from '../../sdk/core/bytes.ts'
import type { Address, Hex } from '../../sdk/core/types.ts'
import type { AppJudge } from '../../sdk/node/apps/app-proposals.ts'
import type { Clock } from '../../sdk/node/clock.ts'
import { systemClock } from '../../sdk/node/clock.ts'
import type { AppTerms } from '../../sdk/protocols/app.ts'
import { type AppStepMessage, decodeAppStep, encodeAppStep, termsDigest } from '../../sdk/protocols/app-wire.ts'
import type { Message } from '../../sdk/protocols/messages.ts'
import { decodeMessage, encodeMessage } from '../../sdk/protocols/wire.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import type { Connection, Transport } from '../../sdk/transport/transport.ts'
import { signerOf } from '../sdk/node/actors.ts'
import type { Actor } from './stage.ts'
import { type Table, ticTacToe } from './table.ts'

/** All that is said of apps. */
export const SILENT: readonly AppStepMessage['kind'][] = ['propose', 'accept', 'decline', 'staked', 'signed', 'moved']

const MONEY: readonly Message['kind'][] = ['updates', 'sync']

/** A player whose money moves as it should, since a node of its own moves it, and that says of apps whatever a test tells it to. */
export class Cheat {
  readonly name: string
  actor!: Actor
  /** What it heard of apps, oldest first. */
  readonly heard: AppStepMessage[] = []
  /** What its node would say of apps and does not. */
  silent: readonly AppStepMessage['kind'][] = SILENT
  /** Its node's money does not move, either. */
  isFrozen = false
  readonly #connections = new Set<Connection>()

  private constructor(name: string) {
    this.name = name
  }

  static async join(table: Table, judge: AppJudge = () => true, name = 'mallory'): Promise<Cheat> {
    const cheat = new Cheat(name)
    cheat.actor = await table.player(name, {
      judge,
      node: { transports: (signer) => [cheat.#tap(tcpTransport({ signer }))] },
    })
    return cheat
  }

  /** That all stakes for it are locked, on the terms that were proposed to it or on others. */
  staked(terms: AppTerms = this.of('propose')[0]!.terms): AppStepMessage {
    const id = instanceIdOf(this.actor.chain.apps!.source, terms.instance)
    return { kind: 'staked', id, terms: termsDigest(terms) }
  }

  get address(): Address {
    return signerOf(this.name).address
  }

  #tap(transport: Transport): Transport {
    return {
      schemes: transport.schemes,
      dial: async (address, options) => this.#tapped(await transport.dial(address, options)),
      listen: (address, accept) => transport.listen(address, (connection) => accept(this.#tapped(connection))),
    }
  }

  #tapped(connection: Connection): Connection {
    this.#connections.add(connection)
    const listen = (deliver: (frame: Uint8Array) => void) => (frame: Uint8Array) => {
      const step = stepIn(frame)
      if (step) this.heard.push(step)
      deliver(frame)
    }
    return new Proxy(connection, {
      get: (target, name) => {
        if (name === 'send') return (frame: Uint8Array) => this.#isKept(frame) || target.send(frame)
        const value = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
      set: (target, name, value) => Reflect.set(target, name, name === 'onFrame' ? listen(value) : value, target),
    })
  }

  #isKept(frame: Uint8Array): boolean {
    const { kind } = decodeMessage(frame)
    if (kind !== 'app') return this.isFrozen && MONEY.includes(kind)
    return this.silent.includes(stepIn(frame)!.kind)
  }

  say(...messages: AppStepMessage[]): this {
    for (const message of messages)
      for (const connection of this.#connections)
        connection.send(encodeMessage({ kind: 'app', body: encodeAppStep(message) }))
    return this
  }

  of<K extends AppStepMessage['kind']>(kind: K): Extract<AppStepMessage, { kind: K }>[] {
    return this.heard.filter((message) => message.kind === kind) as Extract<AppStepMessage, { kind: K }>[]
  }

  get onionKey(): Hex {
    return this.actor.node.onionKey!
  }

  sign(id: Hex, version: number, state: Uint8Array): Uint8Array {
    return signerOf(this.name).sign(appStateDigest(this.actor.chain.apps!.domain, id, version, state))
  }

  /** Shows the chain a state that the other player has signed, too. */
  async submit(id: Hex, terms: AppTerms, version: number, state: Uint8Array, other: Uint8Array): Promise<void> {
    const own = this.sign(id, version, state)
    const envelopes = terms.instance.seats.map((seat) => Uint8Array.of(0, ...(seat === this.address ? own : other)))
    const { apps } = this.actor.chain
    if (!(await apps!.isDeployed(terms.instance.app)))
      await apps!.deploy(toBytes(ticTacToe.initCode), { intent: 'cheat/deploy' })
    await apps!.submit(terms.instance, { version, state, envelopes }, [], { intent: `cheat/${id}/${version}` })
  }
}

function stepIn(frame: Uint8Array): AppStepMessage | undefined {
  const message = decodeMessage(frame)
  return message.kind === 'app' ? decodeAppStep(message.body) : undefined
}

/** The machine's clock, which a test sets forward; no decision about money uses it. */
export class Watch implements Clock {
  #ahead = 0
  readonly now = systemClock.now
  readonly every = systemClock.every
  elapsed = (): number => systemClock.elapsed() + this.#ahead
  forward(milliseconds: number): void {
    this.#ahead += milliseconds
  }
}
