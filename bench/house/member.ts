import { accountHash, memberId } from '../../sdk/clearing/account.ts'
import { type Act, accountOf, act, type Book, newBook } from '../../sdk/clearing/book.ts'
import { fromUint } from '../../sdk/core/bytes.ts'
import { typedDigest } from '../../sdk/core/eip712.ts'
import { ZERO_HASH } from '../../sdk/core/state.ts'
import type { Address, Domain, Hex, Member } from '../../sdk/core/types.ts'
import { framesOf, HouseFrames } from '../../sdk/house/frames.ts'
import { HOUSE_PROTOCOL_VERSION, type HouseMessage } from '../../sdk/house/messages.ts'
import { sessionSigner, signDirect } from '../../sdk/signing/session.ts'
import type { SessionSigner } from '../../sdk/signing/signer.ts'
import { tcpTransport } from '../../sdk/transport/tcp.ts'
import type { Connection } from '../../sdk/transport/transport.ts'

const signerOf = (index: number): SessionSigner => sessionSigner(fromUint(BigInt(index + 1), 32))

/** Only those that pay need keys that are known: the others are addresses. */
export const PAYERS = 1_024

export function identityOf(index: number): Member {
  const owner: Address = `0x${(index + 1).toString(16).padStart(40, '0')}`
  return { signer: index < PAYERS ? signerOf(index).address : owner, owner }
}

type Answer = Extract<HouseMessage, { id: number }>

/** A member that signs and sends, and does nothing else: its own work is not what is measured. */
export class BenchMember {
  readonly #index: number
  readonly #signer: SessionSigner
  readonly #connection: Connection
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #book!: Book
  #domain!: Domain
  #next = 1

  private constructor(index: number, signer: SessionSigner, connection: Connection) {
    this.#index = index
    this.#signer = signer
    this.#connection = connection
    const frames = new HouseFrames(2 ** 28)
    connection.onFrame = (frame) => {
      const message = frames.take(frame)
      if (message && 'id' in message) this.#waiting.get(message.id)?.(message)
    }
  }

  static async join(index: number, address: string, operator: Address, domain: Domain): Promise<BenchMember> {
    const signer = signerOf(index)
    const member = new BenchMember(index, signer, await tcpTransport({ signer }).dial(address, { peer: operator }))
    member.#domain = domain
    member.#say({ kind: 'greet', protocol: HOUSE_PROTOCOL_VERSION, domain })
    const identity = identityOf(index)
    const answer = await member.#ask({ kind: 'join', owner: identity.owner, account: undefined, receipt: undefined })
    if (answer.kind !== 'seated') throw new Error(`Member ${index} was not seated: ${JSON.stringify(answer)}`)
    const { seat, settings } = answer
    member.#book = { ...newBook(memberId(identity), seat.index, settings.open, seat.debits.length), ...pick(seat) }
    return member
  }

  /** Pays others, `count` times under one signature; resolves when the operator has it for good. */
  async pay(count: number, payee: (i: number) => Hex): Promise<void> {
    const acts = Array.from(
      { length: count },
      (_, i): Act => ({
        kind: 'pay',
        to: payee(i),
        asset: 0,
        amount: 1n,
        group: ZERO_HASH,
        leg: 0,
      }),
    )
    const { book } = act(this.#book, acts)
    const signature = signDirect(this.#signer, typedDigest(this.#domain, accountHash(accountOf(book))))
    const answer = await this.#ask({ kind: 'act', epoch: book.epoch, seq: book.seq, acts, signature })
    if (answer.kind !== 'acted') throw new Error(`Member ${this.#index} was refused: ${JSON.stringify(answer)}`)
    this.#book = book
  }

  close(): void {
    this.#connection.close()
  }

  #say(message: HouseMessage): void {
    for (const frame of framesOf(message)) this.#connection.send(frame)
  }

  #ask(message: object): Promise<Answer> {
    const id = this.#next++
    return new Promise((resolve) => {
      this.#waiting.set(id, (answer) => {
        this.#waiting.delete(id)
        resolve(answer)
      })
      this.#say({ ...message, id } as HouseMessage)
    })
  }
}

const pick = ({ seq, debits }: { readonly seq: bigint; readonly debits: readonly bigint[] }) => ({ seq, debits })
