import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { sessionSigner } from '../../sdk/signing/session.ts'
import { TransportError } from '../../sdk/transport/errors.ts'
import { MAGIC, VERSION } from '../../sdk/transport/handshake.ts'
import { MAX_RECORD, signals } from '../../sdk/transport/records.ts'
import type { TransportOptions } from '../../sdk/transport/secure.ts'
import { type Connection, type Listener, MAX_FRAME, type Transport } from '../../sdk/transport/transport.ts'
import { frameRecord, lengthOf, type Raw, sealed } from './raw.ts'

/** What an adapter brings to be tested. */
export interface TransportFixture {
  transport(options: TransportOptions): Transport
  /** To listen on. */
  readonly address: string
  /** Where nobody listens. */
  readonly nobody: () => Promise<string>
  /** Not addresses of this transport. */
  readonly badAddresses: readonly string[]
  /** Dials without any protocol. */
  dialRaw(address: string): Promise<Raw>
  /** Listens without any protocol. */
  listenRaw(accept: (raw: Raw) => void): Promise<Listener>
}

const key = (n: number) => sessionSigner(new Uint8Array(32).fill(n))
export const alice = key(1)
export const bob = key(2)
export const mallory = key(3)

/** What a connection did, in order. */
class Log {
  readonly frames: Uint8Array[] = []
  readonly reasons: (Error | undefined)[] = []
  readonly closed: Promise<Error | undefined>
  #waiting: { count: number; resolve: () => void }[] = []

  constructor(connection: Connection, onFrame: (frame: Uint8Array) => void = () => {}) {
    connection.onFrame = (frame) => {
      this.frames.push(frame)
      onFrame(frame)
      for (const { count, resolve } of this.#waiting) if (this.frames.length >= count) resolve()
    }
    this.closed = new Promise((resolve) => {
      connection.onClose = (reason) => {
        this.reasons.push(reason)
        resolve(reason)
      }
    })
  }

  async received(count: number): Promise<void> {
    if (this.frames.length >= count) return
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
  }

  get texts(): string[] {
    return this.frames.map((frame) => Buffer.from(frame).toString())
  }
}

const frame = (text: string): Uint8Array => Buffer.from(text)

function codeIn(error: unknown): string {
  if (error instanceof TransportError) return error.code
  throw error ?? new Error('There was no error.')
}

async function refusal(promise: Promise<unknown>): Promise<TransportError> {
  const error = await promise.then(
    () => new Error('It was not refused.'),
    (reason) => reason,
  )
  if (error instanceof TransportError) return error
  throw error
}

/** What every adapter of the transport port must do, on real wires. */
export function transportConformance(name: string, open: () => TransportFixture): void {
  describe(`${name} as a transport`, () => {
    let fixture: TransportFixture
    let toClose: (() => unknown)[]
    let accepted: Connection[]
    let rejected: TransportError[]
    let arrival: EventTarget

    beforeEach(() => {
      fixture = open()
      toClose = []
      accepted = []
      rejected = []
      arrival = new EventTarget()
    })

    afterEach(async () => {
      for (const connection of accepted) connection.close()
      for (const close of toClose.toReversed()) await close()
    })

    async function listen(options: Partial<TransportOptions> = {}): Promise<Listener> {
      const onReject = (error: TransportError) => {
        rejected.push(error)
        arrival.dispatchEvent(new Event('rejected'))
      }
      const listener = await fixture
        .transport({ signer: bob, onReject, ...options })
        .listen(fixture.address, (connection) => {
          accepted.push(connection)
          arrival.dispatchEvent(new Event('accepted'))
        })
      toClose.push(() => listener.close())
      return listener
    }

    async function arrived(count = 1): Promise<Connection> {
      while (accepted.length < count) await once(arrival, 'accepted')
      return accepted[count - 1]!
    }

    async function turnedAway(count = 1): Promise<string> {
      while (rejected.length < count) await once(arrival, 'rejected')
      return rejected[count - 1]!.code
    }

    async function dial(address: string, options: Partial<TransportOptions> = {}): Promise<Connection> {
      const connection = await fixture.transport({ signer: alice, ...options }).dial(address, { peer: bob.address })
      toClose.push(() => connection.close())
      return connection
    }

    async function connect(options: Partial<TransportOptions> = {}): Promise<[Connection, Connection]> {
      const listener = await listen(options)
      return [await dial(listener.address, options), await arrived()]
    }

    async function raw(address: string): Promise<Raw> {
      const wire = await fixture.dialRaw(address)
      toClose.push(() => wire.destroy())
      return wire
    }

    /** Mallory, introduced under a key of her own, and bob's end of that connection. */
    async function introduced(options: Partial<TransportOptions> = {}) {
      const listener = await listen(options)
      const wire = await raw(listener.address)
      const session = await wire.introduce(mallory)
      const connection = await arrived()
      return { listener, wire, session, connection, log: new Log(connection) }
    }

    async function works(address: string): Promise<void> {
      const nth = accepted.length + 1
      const connection = await dial(address)
      new Log(connection)
      const log = new Log(await arrived(nth))
      connection.send(frame('still here'))
      await log.received(1)
    }

    it('shows each side the session key that the other one holds', async () => {
      const [near, far] = await connect()
      expect(near.peer).to.equal(bob.address)
      expect(far.peer).to.equal(alice.address)
    })

    it('carries frames of every size both ways, in order', async () => {
      const [near, far] = await connect()
      const nearLog = new Log(near)
      const farLog = new Log(far)
      const sizes = [0, 1, 0, 100, MAX_RECORD - 5, MAX_RECORD - 4, MAX_RECORD - 3, MAX_RECORD, MAX_FRAME, 0, 7]
      const frames = sizes.map((size, n) => new Uint8Array(size).map((_, i) => (i * 7 + n + (i >> 8)) % 256))
      for (const bytes of frames) near.send(bytes)
      for (const bytes of frames.toReversed()) far.send(bytes)
      await farLog.received(frames.length)
      await nearLog.received(frames.length)
      const same = (a: Uint8Array[], b: Uint8Array[]) => a.every((bytes, i) => Buffer.compare(bytes, b[i]!) === 0)
      expect(same(farLog.frames, frames)).to.equal(true)
      expect(same(nearLog.frames, frames.toReversed())).to.equal(true)
    })

    it('carries many small frames without losing or swapping one', async () => {
      const [near, far] = await connect()
      const log = new Log(far)
      const count = 30_000
      for (let n = 0; n < count; n++) if (!near.send(frame(String(n)))) await near.drained()
      await log.received(count)
      expect(log.texts.every((text, n) => text === String(n))).to.equal(true)
    })

    it('hands over frames that came before anybody listened, then says that the peer left', async () => {
      const [near, far] = await connect()
      near.send(frame('one'))
      near.send(frame('two'))
      near.close()
      await delay(50)
      const log = new Log(far)
      expect(await log.closed).to.equal(undefined)
      expect(log.texts).to.deep.equal(['one', 'two'])
    })

    it('closes with an ordinary goodbye, once on either side, after the last frame', async () => {
      const [near, far] = await connect()
      const nearLog = new Log(near)
      const farLog = new Log(far)
      near.send(frame('last'))
      near.close()
      near.close()
      expect(await nearLog.closed).to.equal(undefined)
      expect(await farLog.closed).to.equal(undefined)
      await delay(20)
      expect([nearLog.reasons.length, farLog.reasons.length]).to.deep.equal([1, 1])
      expect(farLog.texts).to.deep.equal(['last'])
    })

    it('tells a late listener that the connection was closed', async () => {
      const [near, far] = await connect()
      const log = new Log(near)
      far.close()
      await log.closed
      const reasons: unknown[] = []
      near.onClose = (reason) => reasons.push(reason)
      await delay(10)
      expect(reasons).to.deep.equal([undefined])
    })

    it('takes no frame after it was closed', async () => {
      const [near] = await connect()
      near.close()
      expect(near.send(frame('late'))).to.equal(false)
      expect((await refusal(near.drained())).code).to.equal('CONNECTION_CLOSED')
    })

    it('holds a sender up while the receiver pauses, and loses nothing', async () => {
      const [near, far] = await connect()
      const log = new Log(far)
      far.pause()
      const big = new Uint8Array(64 * 1024)
      let sent = 0
      while (near.send(big)) {
        sent++
        expect(sent).to.be.below(1000)
        // The system's own buffers take some; nothing else does.
        await delay(0)
      }
      const inFlight = near.drained()
      await delay(50)
      expect(log.frames.length).to.equal(0)
      far.resume()
      await inFlight
      await log.received(sent + 1)
      near.send(frame('after'))
      await log.received(sent + 2)
      expect(log.texts.at(-1)).to.equal('after')
    })

    it('S20 closes on a peer that never reads, once what waits for it is too much', async () => {
      const { wire, connection, log } = await introduced()
      wire.pause()
      const big = new Uint8Array(MAX_FRAME)
      let sent = 0
      while (sent < 200 && log.reasons.length === 0) {
        connection.send(big)
        sent++
        if (sent % 10 === 0) await delay(0)
      }
      expect(codeIn(await log.closed)).to.equal('PEER_SLOW')
      expect(sent).to.be.below(60)
    })

    it('refuses to send a frame above the limit, and goes on', async () => {
      const [near, far] = await connect()
      const log = new Log(far)
      expect(() => near.send(new Uint8Array(MAX_FRAME + 1))).to.throw(TransportError, /above the limit.*Split/)
      near.send(frame('small'))
      await log.received(1)
    })

    it('refuses a peer that is not the expected one before saying who is calling', async () => {
      const listener = await listen()
      const error = await refusal(
        fixture.transport({ signer: alice }).dial(listener.address, { peer: mallory.address }),
      )
      expect(error.code).to.equal('WRONG_PEER')
      expect(error.message).to.include(`is ${bob.address}, not ${mallory.address}`)
      expect(await turnedAway()).to.equal('HANDSHAKE_FAILED')
      expect(accepted.length).to.equal(0)
    })

    it('says that nobody listens, and what to do', async () => {
      const error = await refusal(fixture.transport({ signer: alice }).dial(await fixture.nobody()))
      expect(error.code).to.equal('CLOSED_PORT')
      expect(error.message).to.match(/Nobody listens at .*Start the peer/)
    })

    it('refuses addresses that are not its own', async () => {
      const transport = fixture.transport({ signer: alice })
      for (const address of fixture.badAddresses) {
        expect((await refusal(transport.dial(address))).code).to.equal('BAD_ADDRESS')
        expect((await refusal(transport.listen(address, () => {}))).code).to.equal('BAD_ADDRESS')
      }
    })

    it('refuses to listen where somebody listens already', async () => {
      const listener = await listen()
      const second = fixture.transport({ signer: mallory }).listen(listener.address, () => {})
      expect((await refusal(second)).code).to.equal('ADDRESS_IN_USE')
    })

    it('lets accepted connections live when the listener closes, and nobody else in', async () => {
      const listener = await listen()
      const near = await dial(listener.address)
      const log = new Log(await arrived())
      await listener.close()
      expect((await refusal(fixture.transport({ signer: alice }).dial(listener.address))).code).to.equal('CLOSED_PORT')
      near.send(frame('still here'))
      await log.received(1)
    })

    it('stops dialling when its signal says so', async () => {
      const transport = fixture.transport({ signer: alice })
      const listener = await fixture.listenRaw(() => {})
      toClose.push(() => listener.close())
      for (const signal of [AbortSignal.abort(new Error('before')), AbortSignal.timeout(50)]) {
        const started = performance.now()
        const error = await transport.dial(listener.address, { signal }).catch((reason) => reason)
        expect(error).to.equal(signal.reason)
        expect(performance.now() - started).to.be.below(2000)
      }
    })

    it('S15 refuses to dial what is not a Tallystick node', async () => {
      const listener = await fixture.listenRaw((wire) => wire.write(Buffer.from('220 mail.example ESMTP ready\r\n')))
      toClose.push(() => listener.close())
      const error = await refusal(fixture.transport({ signer: alice }).dial(listener.address))
      expect(error.code).to.equal('NOT_TALLYSTICK')
    })

    it('S15 gives up on a peer that says nothing', async () => {
      const listener = await fixture.listenRaw(() => {})
      toClose.push(() => listener.close())
      const error = await refusal(fixture.transport({ signer: alice, handshakeTimeout: 100 }).dial(listener.address))
      expect(error.code).to.equal('HANDSHAKE_TIMEOUT')
    })

    it('says that a peer hung up during the handshake', async () => {
      const listener = await fixture.listenRaw((wire) => wire.destroy())
      toClose.push(() => listener.close())
      const error = await refusal(fixture.transport({ signer: alice }).dial(listener.address))
      expect(error.code).to.be.oneOf(['HANDSHAKE_FAILED', 'CONNECTION_LOST'])
    })

    it('S17 refuses a caller of another version and tells it its own', async () => {
      const listener = await listen()
      const wire = await raw(listener.address)
      wire.write(Buffer.concat([MAGIC, Buffer.of(VERSION + 1), Buffer.alloc(32)]))
      const answer = await wire.read(MAGIC.length + 1)
      expect([...answer]).to.deep.equal([...MAGIC, VERSION])
      expect(await turnedAway()).to.equal('VERSION_MISMATCH')
      await works(listener.address)
    })

    it('S17 tells a dialler that the peer has another version', async () => {
      const listener = await fixture.listenRaw((wire) =>
        wire.write(Buffer.concat([MAGIC, Buffer.of(9), Buffer.alloc(32)])),
      )
      toClose.push(() => listener.close())
      const error = await refusal(fixture.transport({ signer: alice }).dial(listener.address))
      expect(error.code).to.equal('VERSION_MISMATCH')
      expect(error.message).to.match(/version 9, this node 1/)
    })

    for (const [what, bytes, code] of [
      ['garbage', Buffer.alloc(100_000, 0xa5), 'NOT_TALLYSTICK'],
      ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: tallystick\r\n\r\n'), 'NOT_TALLYSTICK'],
      ['a low-order key', Buffer.concat([MAGIC, Buffer.of(VERSION), Buffer.alloc(32)]), 'HANDSHAKE_FAILED'],
      [
        'a forged identity',
        Buffer.concat([MAGIC, Buffer.of(VERSION), Buffer.alloc(32, 9), Buffer.alloc(100)]),
        'HANDSHAKE_FAILED',
      ],
    ] as const)
      it(`S15 cuts off a stranger that sends ${what}; others are unaffected`, async () => {
        const listener = await listen()
        const wire = await raw(listener.address)
        wire.write(bytes)
        expect(await turnedAway()).to.equal(code)
        await wire.closed
        await works(listener.address)
      })

    it('S15 cuts off a stranger that sends a byte now and then', async () => {
      const listener = await listen({ handshakeTimeout: 150 })
      const wire = await raw(listener.address)
      const hello = Buffer.concat([MAGIC, Buffer.of(VERSION), Buffer.alloc(32, 9)])
      let sent = 0
      const drip = setInterval(() => wire.write(hello.subarray(sent, ++sent)), 20)
      try {
        expect(await turnedAway()).to.equal('HANDSHAKE_TIMEOUT')
        expect(sent).to.be.below(hello.length)
        await wire.closed
      } finally {
        clearInterval(drip)
      }
    })

    it('S20 limits strangers, and lets others in once they are gone', async () => {
      const listener = await listen({ maxStrangersPerHost: 4, handshakeTimeout: 1000 })
      const strangers = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const wire = await fixture.dialRaw(listener.address).catch(() => undefined)
          if (wire) toClose.push(() => wire.destroy())
          return wire
        }),
      )
      for (let n = 1; n <= 6; n++) expect(await turnedAway(n)).to.equal('TOO_MANY_STRANGERS')
      for (let n = 7; n <= 10; n++) expect(await turnedAway(n)).to.equal('HANDSHAKE_TIMEOUT')
      await Promise.all(strangers.map((wire) => wire?.closed))
      await works(listener.address)
    })

    for (const limit of ['maxConnections', 'maxConnectionsPerHost'])
      it(`S20 limits connections by ${limit}`, async () => {
        const listener = await listen({ [limit]: 2 })
        await works(listener.address)
        await works(listener.address)
        await refusal(fixture.transport({ signer: alice }).dial(listener.address))
        expect(await turnedAway()).to.equal('TOO_MANY_STRANGERS')
        accepted[0]!.close()
        await new Log(accepted[0]!).closed
        await delay(50)
        await works(listener.address)
      })

    for (const [what, hostile, code] of [
      ['a record of 100 MB', () => lengthOf(100_000_000), 'BROKEN_RECORD'],
      ['a record without content', () => lengthOf(0), 'BROKEN_RECORD'],
      ['a record that is all tag', () => Buffer.concat([lengthOf(16), Buffer.alloc(16)]), 'BROKEN_RECORD'],
      ['a record that is noise', () => Buffer.concat([lengthOf(64), Buffer.alloc(64, 7)]), 'BROKEN_RECORD'],
    ] as const)
      it(`S15 closes on ${what} from a peer that introduced itself; others are unaffected`, async () => {
        const { listener, wire, log } = await introduced()
        wire.write(hostile())
        expect(codeIn(await log.closed)).to.equal(code)
        await wire.closed
        await works(listener.address)
      })

    it('S15 closes on a record that holds nothing, though it is sealed', async () => {
      const { wire, session, log } = await introduced()
      wire.write(sealed(session, 0, new Uint8Array(0)))
      expect(codeIn(await log.closed)).to.equal('BROKEN_RECORD')
    })

    it('S20 answers a flood of pings with one answer', async () => {
      const { wire, session } = await introduced()
      wire.write(sealed(session, 0, Buffer.concat(Array.from({ length: 10_000 }, () => lengthOf(signals.ping)))))
      const header = Buffer.from(await wire.read(4)).readUInt32BE()
      const answer = session.receiving.open(0, await wire.read(header), new Uint8Array(0))
      expect(Buffer.from(answer)).to.deep.equal(Buffer.from(lengthOf(signals.pong)))
    })

    it('S15 closes on a frame of 100 MB before any of it came', async () => {
      const { wire, session, log } = await introduced()
      wire.write(sealed(session, 0, lengthOf(100_000_000)))
      expect(codeIn(await log.closed)).to.equal('FRAME_TOO_LARGE')
    })

    it('S15 closes on a frame one byte above the limit, not on one at the limit', async () => {
      const { wire, session, log } = await introduced()
      let counter = 0
      wire.write(sealed(session, counter++, lengthOf(MAX_FRAME)))
      for (let sent = 0; sent < MAX_FRAME; sent += 65536) wire.write(sealed(session, counter++, Buffer.alloc(65536)))
      await log.received(1)
      wire.write(sealed(session, counter++, lengthOf(MAX_FRAME + 1)))
      expect(codeIn(await log.closed)).to.equal('FRAME_TOO_LARGE')
      expect(log.frames.map((bytes) => bytes.length)).to.deep.equal([MAX_FRAME])
    })

    it('S15 understands frames however their bytes are cut', async () => {
      const { wire, session, log } = await introduced()
      const plain = Buffer.concat(
        ['one', 'two', 'three'].map((text) => Buffer.concat([lengthOf(text.length), frame(text)])),
      )
      const records = Buffer.concat([...plain].map((byte, n) => sealed(session, n, Buffer.of(byte))))
      for (let at = 0; at < records.length; at += 5) {
        wire.write(records.subarray(at, at + 5))
        if (at % 100 === 0) await delay(1)
      }
      await log.received(3)
      expect(log.texts).to.deep.equal(['one', 'two', 'three'])
    })

    it('S15 delivers nothing of a frame of which half came, and says that the connection was lost', async () => {
      const { wire, session, log } = await introduced()
      wire.write(frameRecord(session, 0, frame('whole')))
      wire.write(frameRecord(session, 1, frame('x'.repeat(1000))).subarray(0, 500))
      await log.received(1)
      wire.destroy()
      expect(codeIn(await log.closed)).to.equal('CONNECTION_LOST')
      expect(log.texts).to.deep.equal(['whole'])
    })

    for (const [what, tamper] of [
      ['replayed', ([a, b, c]) => [a, b, b, c]],
      ['swapped', ([a, b, c]) => [a, c, b]],
      ['dropped', ([a, , c]) => [a, c]],
      ['altered', ([a, b, c]) => [a, b.map((byte, i) => (i === b.length - 3 ? byte ^ 1 : byte)), c]],
    ] as [string, (records: [Uint8Array, Uint8Array, Uint8Array]) => Uint8Array[]][])
      it(`S8 closes on a record that was ${what} on its way, and delivers nothing from it on`, async () => {
        const { wire, session, log } = await introduced()
        const records = ['a', 'b', 'c'].map((text, n) => frameRecord(session, n, frame(text)))
        for (const record of tamper(records as [Uint8Array, Uint8Array, Uint8Array])) wire.write(record)
        expect(codeIn(await log.closed)).to.equal('BROKEN_RECORD')
        expect(log.texts).to.deep.equal(what === 'replayed' ? ['a', 'b'] : ['a'])
      })

    it('S8 accepts no record of one connection in another', async () => {
      const first = await introduced()
      const record = frameRecord(first.session, 0, frame('pay'))
      first.wire.write(record)
      await first.log.received(1)
      const wire = await raw(first.listener.address)
      await wire.introduce(mallory)
      const log = new Log(await arrived(2))
      wire.write(record)
      expect(codeIn(await log.closed)).to.equal('BROKEN_RECORD')
      expect(log.frames).to.deep.equal([])
    })

    it('notices a peer that went silent', async () => {
      const { log } = await introduced({ pingInterval: 30 })
      expect(codeIn(await log.closed)).to.equal('PEER_SILENT')
    })

    it('stays open while both sides have nothing to say but answer pings', async () => {
      const [near, far] = await connect({ pingInterval: 20 })
      const logs = [new Log(near), new Log(far)]
      await delay(300)
      expect(logs.map((log) => log.reasons.length)).to.deep.equal([0, 0])
      near.send(frame('awake'))
      await logs[1]!.received(1)
    })

    it('keeps connections apart', async () => {
      const listener = await listen()
      const peers = [1, 4, 5, 6, 7].map(key)
      const dialled: Connection[] = []
      for (const signer of peers) dialled.push(await fixture.transport({ signer }).dial(listener.address))
      await arrived(peers.length)
      const logs = accepted.map((connection) => new Log(connection))
      for (const [n, connection] of dialled.entries()) connection.send(frame(peers[n]!.address))
      for (const [n, log] of logs.entries()) {
        await log.received(1)
        expect(log.texts).to.deep.equal([accepted[n]!.peer])
      }
      for (const connection of dialled) connection.close()
    })
  })
}
