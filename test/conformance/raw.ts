import type { SessionSigner } from '../../sdk/signing/signer.ts'
import type { Exchange, Session } from '../../sdk/transport/handshake.ts'
import { greet } from '../../sdk/transport/handshake.ts'

/** The bare bytes of one connection, below everything that the SDK does: what mallory works with. */
export class Raw implements Exchange {
  readonly address = 'raw'
  readonly closed: Promise<void>
  write: (bytes: Uint8Array) => void
  /** Stops reading. */
  pause: () => void
  destroy: () => void
  #received = Buffer.alloc(0)
  #wake = () => {}
  #close = () => {}

  constructor(socket: { write: (bytes: Uint8Array) => void; pause: () => void; destroy: () => void }) {
    this.write = socket.write
    this.pause = socket.pause
    this.destroy = socket.destroy
    this.closed = new Promise((resolve) => {
      this.#close = resolve
    })
  }

  arrived(bytes: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, bytes])
    this.#wake()
  }

  ended(): void {
    this.#close()
  }

  async read(size: number): Promise<Uint8Array> {
    while (this.#received.length < size)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    const bytes = this.#received.subarray(0, size)
    this.#received = this.#received.subarray(size)
    return bytes
  }

  /** Goes through the handshake honestly; what follows need not be honest. */
  async introduce(signer: SessionSigner): Promise<Session> {
    return greet(this, signer)
  }
}

/** One sealed record that holds `plain`. */
export function sealed(session: Session, counter: number, plain: Uint8Array): Uint8Array {
  const [bytes, tag] = session.sending.seal(counter, plain, new Uint8Array(0))
  const header = Buffer.alloc(4)
  header.writeUInt32BE(bytes.length + tag.length)
  return Buffer.concat([header, bytes, tag])
}

/** One sealed record that holds one frame. */
export const frameRecord = (session: Session, counter: number, frame: Uint8Array): Uint8Array =>
  sealed(session, counter, Buffer.concat([lengthOf(frame.length), frame]))

export function lengthOf(length: number): Uint8Array {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(length)
  return header
}
