import { stateDigest } from '../core/state.ts'
import { COIN, type LedgerRef } from '../core/types.ts'
import { enforceable } from '../protocols/disputing.ts'
import { type CompleteRound, standing } from '../protocols/joint.ts'
import type { Ledger } from '../protocols/ledger.ts'
import { entitlement } from '../protocols/solvency.ts'
import type { SessionSigner } from '../signing/signer.ts'
import type { Transport } from '../transport/transport.ts'
import { type Evidence, worthOf } from '../watchtower/appointment.ts'
import { TowerClient, type TowerLag } from '../watchtower/client.ts'
import type { TowerReceipt } from '../watchtower/progress.ts'
import type { TowerClientEvent, TowerSpec } from '../watchtower/spec.ts'
import type { Engine } from './engine.ts'
import type { GroupSlot } from './groups/group-slot.ts'
import type { Slot } from './ledgers/slot.ts'

/** Keeps watchtowers up to date with the ledgers of a node. */
export class Guarded {
  readonly #engine: Engine
  readonly #client: TowerClient
  /** The ledger as it was given to the towers last; of a group, its newest complete round. */
  readonly #given = new WeakMap<Slot, Ledger>()
  readonly #rounds = new WeakMap<GroupSlot, CompleteRound>()

  private constructor(engine: Engine, client: TowerClient) {
    this.#engine = engine
    this.#client = client
  }

  static async start(
    engine: Engine,
    towers: readonly TowerSpec[],
    transports: (identity: SessionSigner) => readonly Transport[],
    tick: number,
  ): Promise<Guarded> {
    const { domain, signer, store, clock } = engine.options
    const onEvent = (event: TowerClientEvent) => engine.emitter.emit({ kind: 'tower', event })
    const client = await TowerClient.start({ domain, signer, store, towers, transports, clock, tick, onEvent })
    const guarded = new Guarded(engine, client)
    guarded.look()
    return guarded
  }

  lag(): TowerLag[] {
    return this.#client.lag()
  }

  /** What each tower holds of a ledger. */
  receipts(ledger: LedgerRef): TowerReceipt[] {
    return this.lag().flatMap(({ tower }) => {
      const kept = this.#client.kept(tower, ledger)
      return kept ? { tower, ...kept } : []
    })
  }

  /** Gives towers what changed since the last look, once it is durable: what a tower holds this node must know. */
  look(): void {
    for (const slot of this.#engine.book.slots) {
      const { ledger } = slot
      // What a backup holds may be old; it is shown to nobody before the peer has shown what it holds.
      if (ledger.doubtful || isSame(this.#given.get(slot), ledger)) continue
      this.#given.set(slot, ledger)
      this.#engine.whenDurable(slot, () => this.#give(slot, ledger))
    }
    for (const slot of this.#engine.groups.slots) {
      const { complete, restored } = slot.ledger
      if (restored || this.#rounds.get(slot) === complete) continue
      this.#rounds.set(slot, complete)
      this.#engine.durably(() => this.#giveRound(slot, complete))
    }
  }

  #giveRound({ entry, ledger }: GroupSlot, { state, signatures }: CompleteRound): void {
    const { channelId, channel, asset, me } = entry
    const states = state.version > 0n ? [{ state, signatures }] : []
    const evidence: Evidence = { channelId, asset, channel, generation: state.generation, states }
    this.#client.update(evidence, asset === COIN ? worthOf(standing(ledger, state)[me]!) : 0)
  }

  #give({ entry: { channel }, terms }: Slot, ledger: Ledger): void {
    const { channelId, asset, generation, me } = ledger
    const states = enforceable(ledger).map(({ state, signature }) => {
      const own = this.#engine.options.signer.sign(stateDigest(terms.domain, state))
      return { state, signatures: me === 0 ? [own, signature] : [signature, own] }
    })
    const evidence: Evidence = { channelId, asset, channel, generation, states }
    // What a token is worth only its users know.
    this.#client.update(evidence, asset === COIN ? worthOf(entitlement(ledger, me)) : 0)
  }

  /** Lets towers have the newest, now that they are needed. */
  async stop(): Promise<void> {
    this.look()
    // The engine's turn, and the commit that begins in it.
    await new Promise((resolve) => setTimeout(resolve, 0))
    await this.#engine.journal.idle()
    await this.#client.stop()
  }
}

/** Whether the same states can be enforced. */
const isSame = (before: Ledger | undefined, now: Ledger): boolean =>
  before !== undefined &&
  before.own.acked === now.own.acked &&
  before.peer.newest === now.peer.newest &&
  before.generation === now.generation
