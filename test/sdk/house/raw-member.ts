import { accountHash, type HouseLock, memberId, receiptHash, releaseHash } from '../../../sdk/clearing/account.ts'
import { type Act, accountOf, act, type Book, newBook } from '../../../sdk/clearing/book.ts'
import { typedDigest } from '../../../sdk/core/eip712.ts'
import { ZERO_HASH } from '../../../sdk/core/state.ts'
import type { Address, Domain, Hex, Member } from '../../../sdk/core/types.ts'
import { framesOf, HouseFrames } from '../../../sdk/house/frames.ts'
import type { HouseMessage, SignedAccount, SignedReceipt } from '../../../sdk/house/messages.ts'
import { sessionSigner, signDirect } from '../../../sdk/signing/session.ts'
import { verifyEnvelope } from '../../../sdk/signing/signature.ts'
import type { SessionSigner } from '../../../sdk/signing/signer.ts'
import type { Connection, Transport } from '../../../sdk/transport/transport.ts'

type Answer = Extract<HouseMessage, { id: number }>

/** A request without its number. */
type Question = {
  [Kind in 'join' | 'act' | 'ask' | 'release' | 'offer']: Omit<Extract<HouseMessage, { kind: Kind }>, 'id'>
}['join' | 'act' | 'ask' | 'release' | 'offer']

/** A member that says what a test wants it to, and believes nothing that is not signed. */
export class RawMember {
  readonly signer: SessionSigner
  readonly identity: Member
  readonly id: Hex
  readonly told: HouseMessage[] = []
  book!: Book
  open = 1n
  committed = 0n
  account: SignedAccount | undefined
  receipt: SignedReceipt | undefined
  readonly #domain: Domain
  readonly #house: Address
  readonly #frames = new HouseFrames(2 ** 28)
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #connection: Connection | undefined
  #wake: () => void = () => {}
  #next = 1

  constructor(seed: number, domain: Domain, house: Address) {
    this.signer = sessionSigner(new Uint8Array(32).fill(seed))
    this.identity = { signer: this.signer.address, owner: `0x${seed.toString(16).padStart(2, '0').repeat(20)}` }
    this.id = memberId(this.identity)
    this.#domain = domain
    this.#house = house
  }

  async dial(transport: Transport, address: string): Promise<void> {
    const connection = await transport.dial(address, { peer: this.#house })
    this.#connection = connection
    connection.onFrame = (frame) => {
      const message = this.#frames.take(frame)
      if (message) this.#hear(message)
    }
    this.say({ kind: 'greet', protocol: 1, domain: this.#domain })
  }

  /** Dials and joins; the seat's book goes on from what the house says. */
  async join(transport: Transport, address: string): Promise<Answer> {
    await this.dial(transport, address)
    const answer = await this.ask({
      kind: 'join',
      owner: this.identity.owner,
      account: this.account,
      receipt: this.receipt,
    })
    if (answer.kind !== 'seated') return answer
    const { seat, settings } = answer
    this.open = settings.open
    this.committed = settings.committed
    const assets = seat.debits.length
    const book = this.book ?? newBook(this.id, seat.index, settings.open, assets)
    this.book =
      book.epoch === settings.open ? book : { ...newBook(this.id, seat.index, settings.open, assets), ...pick(book) }
    this.#keep(seat.receipt)
    return answer
  }

  close(): void {
    this.#connection?.close()
  }

  say(message: HouseMessage): void {
    for (const frame of framesOf(message)) this.#connection!.send(frame)
  }

  ask(message: Question): Promise<Answer> {
    const id = this.#next++
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.say({ ...message, id } as HouseMessage)
    })
  }

  /** Signs an account for some acts and waits for what comes of it. */
  async act(...acts: Act[]): Promise<Answer> {
    const signed = this.sign(acts)
    const answer = await this.ask({ kind: 'act', ...signed.message })
    this.settle(signed.book, answer)
    return answer
  }

  sign(acts: readonly Act[], seq = this.book.seq + 1n) {
    const { book } = act(this.book, acts, seq)
    const signature = signDirect(this.signer, typedDigest(this.#domain, accountHash(accountOf(book))))
    return { book, message: { epoch: this.book.epoch, seq, acts, signature } }
  }

  settle(book: Book, answer: Answer): void {
    if (answer.kind !== 'acted') {
      this.book = { ...this.book, seq: book.seq }
      return
    }
    const account = accountOf(book)
    if (!this.#isSigned(accountHash(account), answer.signature)) throw new Error('The account is not countersigned.')
    this.book = book
    this.account = { account, signature: answer.signature }
  }

  /** What the house could have said in another life. */
  countersign(house: SessionSigner, hash: Uint8Array): Uint8Array {
    return signDirect(house, typedDigest(this.#domain, hash))
  }

  pay(to: { readonly id: Hex }, amount: bigint, group: Hex = ZERO_HASH, leg = 0): Promise<Answer> {
    return this.act({ kind: 'pay', to: to.id, asset: 0, amount, group, leg })
  }

  lock(lock: Omit<HouseLock, 'asset' | 'epoch'>): Promise<Answer> {
    return this.act({ kind: 'lock', lock: { ...lock, asset: 0, epoch: this.book.epoch } })
  }

  release(payer: Hex, position: number, lock: Hex, payment: Hex = ZERO_HASH): Promise<Answer> {
    const signature = signDirect(this.signer, typedDigest(this.#domain, releaseHash(payer, position, lock, payment)))
    return this.ask({
      kind: 'release',
      release: { payer, position, lock, payment, secret: undefined, signature },
    } as never)
  }

  /** Waits until the house has said something of this kind that fits; forgets it. */
  async heard<Kind extends HouseMessage['kind']>(
    kind: Kind,
    fits: (message: Extract<HouseMessage, { kind: Kind }>) => boolean = () => true,
  ): Promise<Extract<HouseMessage, { kind: Kind }>> {
    for (;;) {
      const place = this.told.findIndex((one) => one.kind === kind && fits(one as never))
      if (place >= 0) return this.told.splice(place, 1)[0] as never
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #hear(message: HouseMessage): void {
    if ('id' in message && this.#waiting.has(message.id)) {
      this.#waiting.get(message.id)!(message)
      this.#waiting.delete(message.id)
      return
    }
    if (message.kind === 'credited') this.#keep(message.receipt)
    if (message.kind === 'settings') {
      this.committed = message.settings.committed
      if (message.settings.open !== this.open) {
        this.open = message.settings.open
        this.book = { ...newBook(this.id, this.book.index, this.open, this.book.debits.length), ...pick(this.book) }
      }
    }
    this.told.push(message)
    this.#wake()
  }

  #keep(receipt: SignedReceipt): void {
    if (!this.#isSigned(receiptHash(receipt.receipt), receipt.signature)) throw new Error('The receipt is not signed.')
    if (this.receipt && receipt.receipt.seq <= this.receipt.receipt.seq) return
    this.receipt = receipt
  }

  #isSigned(hash: Uint8Array, signature: Uint8Array): boolean {
    return verifyEnvelope(this.#domain, typedDigest(this.#domain, hash), signature, this.#house)
  }
}

const pick = ({ seq, debits, locked, locks, locksHash }: Book) => ({ seq, debits, locked, locks, locksHash })
