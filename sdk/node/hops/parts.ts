import type { Hex } from '../../core/types.ts'
import { keyOf, type Part, type Piece } from '../../protocols/part.ts'
import { restIdOf } from '../../protocols/pending.ts'
import type { Slot } from '../ledgers/slot.ts'
import type { Carried } from './carried.ts'

/** A part by one of its transfers; `piece`: its deal has made two of that. */
export interface Found {
  readonly carried: Carried
  readonly piece: Piece | undefined
}

const NONE: ReadonlySet<Carried> = new Set()

/** All parts that are not over, by what they are looked up by. */
export class Parts {
  readonly #all = new Map<Hex, Carried>()
  /** By place: `<ledger number>/<transfer id>`, in the peer's lane and in one's own. */
  readonly #incoming = new Map<string, Carried>()
  readonly #outgoing = new Map<string, Carried>()
  readonly #bySlot = new Map<Slot, Set<Carried>>()
  /** One secret opens all parts of its key. */
  readonly #byKey = new Map<Hex, Set<Carried>>()

  get all(): ReadonlyMap<Hex, Carried> {
    return this.#all
  }

  add(carried: Carried): void {
    this.#all.set(carried.id, carried)
    const { incoming, outgoing } = carried
    if (incoming) this.#incoming.set(placeOf(incoming.slot, incoming.id), carried)
    if (outgoing) this.#outgoing.set(placeOf(outgoing.slot, outgoing.id), carried)
    for (const place of [incoming, outgoing]) if (place) addTo(this.#bySlot, place.slot, carried)
    addTo(this.#byKey, keyOfPart(carried.part), carried)
  }

  remove(carried: Carried): void {
    this.#all.delete(carried.id)
    const { incoming, outgoing } = carried
    if (incoming) this.#incoming.delete(placeOf(incoming.slot, incoming.id))
    if (outgoing) this.#outgoing.delete(placeOf(outgoing.slot, outgoing.id))
    for (const place of [incoming, outgoing]) if (place) removeFrom(this.#bySlot, place.slot, carried)
    removeFrom(this.#byKey, keyOfPart(carried.part), carried)
  }

  has({ id }: Carried): boolean {
    return this.#all.has(id)
  }

  /** Those with a transfer in a ledger. */
  in(slot: Slot): ReadonlySet<Carried> {
    return this.#bySlot.get(slot) ?? NONE
  }

  /** Those of the same key as this one, itself among them. */
  sharing({ part }: Carried): ReadonlySet<Carried> {
    return this.#byKey.get(keyOfPart(part)) ?? NONE
  }

  incomingAt(slot: Slot, id: Hex): Found | undefined {
    return find(this.#incoming, slot, id)
  }

  outgoingAt(slot: Slot, id: Hex): Found | undefined {
    return find(this.#outgoing, slot, id)
  }
}

/** The key that decides a part. */
export const keyOfPart = ({ incoming, outgoing }: Part): Hex => keyOf((incoming ?? outgoing)!.edge)

const placeOf = ({ number }: Slot, id: Hex): string => `${number}/${id}`

function find(places: ReadonlyMap<string, Carried>, slot: Slot, id: Hex): Found | undefined {
  const carried = places.get(placeOf(slot, id))
  const isSplit = (found: Carried) => {
    const { incoming, outgoing } = found.part
    const side = found.incoming?.slot === slot && found.incoming.id === id ? incoming : outgoing
    return side?.deal !== undefined && side.deal.stage !== 'asked'
  }
  if (carried) return { carried, piece: isSplit(carried) ? 'kept' : undefined }
  const whole = places.get(placeOf(slot, restIdOf(id)))
  return whole && { carried: whole, piece: 'rest' }
}

function addTo<K>(index: Map<K, Set<Carried>>, key: K, carried: Carried): void {
  const parts = index.get(key)
  if (parts) parts.add(carried)
  else index.set(key, new Set([carried]))
}

function removeFrom<K>(index: Map<K, Set<Carried>>, key: K, carried: Carried): void {
  const parts = index.get(key)
  parts?.delete(carried)
  if (parts?.size === 0) index.delete(key)
}
