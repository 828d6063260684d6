import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionSigner } from '../../../sdk/signing/signer.ts'
import { TransportError } from '../../../sdk/transport/errors.ts'
import {
  type Exchange,
  greet,
  identityDigest,
  MAGIC,
  type Session,
  VERSION,
  welcome,
} from '../../../sdk/transport/handshake.ts'
import { alice, bob, mallory } from '../../conformance/transport.ts'

const HELLO = MAGIC.length + 1 + 32
const IDENTITY = 20 + 64 + 16
const NO_CONTEXT = new Uint8Array(0)

/** The two ends of a pipe of bytes. */
function pipe(): [Exchange, Exchange] {
  const ends = [0, 1].map(() => ({ bytes: Buffer.alloc(0), wake: () => {} }))
  const exchange = (mine: 0 | 1): Exchange => ({
    address: 'pipe',
    write(bytes) {
      const other = ends[1 - mine]!
      other.bytes = Buffer.concat([other.bytes, bytes])
      other.wake()
    },
    async read(size) {
      const own = ends[mine]!
      while (own.bytes.length < size)
        await new Promise<void>((resolve) => {
          own.wake = resolve
        })
      const taken = own.bytes.subarray(0, size)
      own.bytes = own.bytes.subarray(size)
      return taken
    },
  })
  return [exchange(0), exchange(1)]
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'introduced',
    (error) => (error instanceof TransportError ? error.code : String(error)),
  )

/** Whether what one session seals, the other opens. */
function connects(from: Session, to: Session): boolean {
  const sealed = Buffer.concat(from.sending.seal(0, Buffer.from('hello'), NO_CONTEXT))
  try {
    return Buffer.from(to.receiving.open(0, sealed, NO_CONTEXT)).toString() === 'hello'
  } catch {
    return false
  }
}

describe('Handshake', () => {
  it('introduces two peers to each other and gives each direction a key of its own', async () => {
    const [near, far] = pipe()
    const [ofAlice, ofBob] = await Promise.all([greet(near, alice, bob.address), welcome(far, bob)])
    expect([ofAlice.peer, ofBob.peer]).to.deep.equal([bob.address, alice.address])
    expect([connects(ofAlice, ofBob), connects(ofBob, ofAlice)]).to.deep.equal([true, true])
    const [ciphertext, tag] = ofAlice.sending.seal(0, Buffer.from('hello'), NO_CONTEXT)
    expect(() => ofAlice.receiving.open(0, Buffer.concat([ciphertext, tag]), NO_CONTEXT)).to.throw()
  })

  it('signs digests that are nothing else: bound to transcript, role and address', () => {
    const transcript = new Uint8Array(32).fill(1)
    const digests = [
      identityDigest(transcript, 'dialer', alice.address),
      identityDigest(transcript, 'listener', alice.address),
      identityDigest(transcript, 'dialer', bob.address),
      identityDigest(new Uint8Array(32).fill(2), 'dialer', alice.address),
    ].map((digest) => Buffer.from(digest).toString('hex'))
    expect(new Set(digests).size).to.equal(digests.length)
    // Two versions of this package must agree; 0x80 begins nothing that Ethereum signs.
    const text = 'Tallystick transport, SIGMA-I x25519 HKDF-SHA256 ChaCha20-Poly1305 secp256k1, dialer'
    const signed = Buffer.concat([
      Buffer.of(0x80),
      Buffer.from(text),
      transcript,
      Buffer.from(alice.address.slice(2), 'hex'),
    ])
    expect(digests[0]).to.equal(createHash('sha256').update(signed).digest('hex'))
  })

  it('ends for the receiver whenever a bit of any message was flipped on its way', async () => {
    const total = 2 * HELLO + 2 * IDENTITY
    for (let position = 0; position < total; position += 3) {
      const [near, far] = pipe()
      let passed = 0
      const tampered = (exchange: Exchange): Exchange => ({
        ...exchange,
        write(bytes) {
          const copy = Buffer.from(bytes)
          if (position >= passed && position < passed + copy.length) copy[position - passed]! ^= 1 << (position % 8)
          passed += copy.length
          exchange.write(copy)
        },
      })
      const introduced = { alice: false, bob: false }
      const settle = (who: 'alice' | 'bob', side: Promise<Session>) =>
        side.then(
          () => {
            introduced[who] = true
          },
          () => {},
        )
      void settle('alice', greet(tampered(near), alice, bob.address))
      void settle('bob', welcome(tampered(far), bob))
      // Nothing here waits for the outside world: after one turn everything that can happen has happened.
      await setImmediate()
      // Whoever speaks last cannot know whether the last message arrived well; its receiver can.
      expect(introduced).to.deep.equal({ alice: position >= 2 * HELLO + IDENTITY, bob: false })
    }
  })

  it('lets mallory relay every byte, and gain nothing but that', async () => {
    const [near, middleNear] = pipe()
    const [middleFar, far] = pipe()
    const relay = async (from: Exchange, to: Exchange, sizes: number[]) => {
      for (const size of sizes) to.write(await from.read(size))
    }
    const [ofAlice, ofBob] = await Promise.all([
      greet(near, alice, bob.address),
      welcome(far, bob),
      relay(middleNear, middleFar, [HELLO, IDENTITY]),
      relay(middleFar, middleNear, [HELLO, IDENTITY]),
    ])
    expect(connects(ofAlice, ofBob)).to.equal(true)
  })

  it('lets mallory put her own keys in the middle only as herself', async () => {
    const [near, middleNear] = pipe()
    const [middleFar, far] = pipe()
    const [ofAlice, toAlice, ofBob, toBob] = await Promise.all([
      greet(near, alice),
      welcome(middleNear, mallory),
      welcome(far, bob),
      greet(middleFar, mallory),
    ])
    expect([ofAlice.peer, ofBob.peer]).to.deep.equal([mallory.address, mallory.address])
    expect([toAlice.peer, toBob.peer]).to.deep.equal([alice.address, bob.address])
    expect(connects(ofAlice, ofBob)).to.equal(false)
  })

  it("refuses mallory, who passes on bob's signature from her own conversation with him", async () => {
    let stolen: Uint8Array = new Uint8Array()
    const [middleFar, far] = pipe()
    const watchedBob: SessionSigner = {
      address: bob.address,
      sign(digest) {
        stolen = bob.sign(digest)
        return stolen
      },
    }
    await Promise.all([greet(middleFar, mallory), welcome(far, watchedBob)])
    const [near, middleNear] = pipe()
    const thief: SessionSigner = { address: bob.address, sign: () => stolen }
    void codeOf(welcome(middleNear, thief))
    const code = await codeOf(greet(near, alice))
    expect(code).to.equal('HANDSHAKE_FAILED')
  })

  it("refuses alice's own identity reflected back to her", async () => {
    const [near, middle] = pipe()
    const outcome = codeOf(greet(near, alice))
    const hello = await middle.read(HELLO)
    // Same ephemeral key on both sides, and noise for the identity that mallory cannot make.
    middle.write(Buffer.concat([hello, Buffer.alloc(IDENTITY)]))
    expect(await outcome).to.equal('HANDSHAKE_FAILED')
  })

  it('refuses a replayed caller', async () => {
    const recorded: Uint8Array[] = []
    const [near, far] = pipe()
    const recording: Exchange = {
      ...near,
      write(bytes) {
        recorded.push(bytes)
        near.write(bytes)
      },
    }
    await Promise.all([greet(recording, alice, bob.address), welcome(far, bob)])
    const [again, target] = pipe()
    for (const bytes of recorded) again.write(bytes)
    expect(await codeOf(welcome(target, bob))).to.equal('HANDSHAKE_FAILED')
  })

  it("refuses a signature of somebody else's key", async () => {
    const liar: SessionSigner = { address: alice.address, sign: (digest) => mallory.sign(digest) }
    const [near, far] = pipe()
    const [code] = await Promise.all([codeOf(welcome(far, bob)), codeOf(greet(near, liar))])
    expect(code).to.equal('HANDSHAKE_FAILED')
  })

  it('S17 refuses another version on both sides', async () => {
    const other = Buffer.concat([MAGIC, Buffer.of(VERSION + 1), Buffer.alloc(32, 9)])
    for (const side of [
      (exchange: Exchange) => greet(exchange, alice),
      (exchange: Exchange) => welcome(exchange, bob),
    ]) {
      const [near, far] = pipe()
      far.write(other)
      expect(await codeOf(side(near))).to.equal('VERSION_MISMATCH')
    }
  })
})
