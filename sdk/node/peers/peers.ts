import { utf8ToBytes } from '@noble/hashes/utils.js'
import { InvalidOptionError, TallystickError } from '../../core/errors.ts'
import type { Address, Domain } from '../../core/types.ts'
import { type Message, PeerViolationError, PROTOCOL_VERSION } from '../../protocols/messages.ts'
import { greet } from '../../protocols/opening.ts'
import { decodeMessage, encodeMessage } from '../../protocols/wire.ts'
import type { Connection, Transport } from '../../transport/transport.ts'
import { onAbort } from '../abort.ts'
import type { Clock } from '../clock.ts'

/** No transport of this node serves an address. */
export class UnknownSchemeError extends TallystickError {
  readonly code = 'UNKNOWN_SCHEME'

  constructor(address: string, schemes: readonly string[]) {
    super(
      `No transport serves ${JSON.stringify(address)}. Use an address that starts with ${schemes.join(' or ') || '(no transport was given)'}.`,
    )
  }
}

/** The peer is not connected, and nobody is dialling it. */
export class PeerOfflineError extends TallystickError {
  readonly code = 'PEER_OFFLINE'
  readonly peer: Address

  constructor(peer: Address) {
    super(`${peer} is not connected. Connect to it, or wait until it connects.`)
    this.peer = peer
  }
}

/** A peer as this node sees it, connected or not. */
export interface Peer {
  readonly signer: Address
  /** As its `hello` said; undefined before the first. */
  owner: Address | undefined
  connection: Connection | undefined
  /** This node dialled that connection. */
  dialled: boolean
  /** When the connection began, in milliseconds. */
  since: number
  /** `hello` was heard, so messages count. */
  online: boolean
  /** It was online since this node started, so it may come back by itself. */
  wasOnline: boolean
  /** Where to dial it again; undefined: it dials. */
  address: string | undefined
  readonly inbox: Uint8Array[]
  inboxBytes: number
  /** It is held up until its inbox has been read. */
  held: boolean
  /** The connection takes no more until it has drained. */
  full: boolean
  /** Messages that change nothing and that it may still send; refilled as time passes. */
  allowance: number
  retry: { attempts: number; at: number; dialling: boolean }
  waiting: { readonly resolve: (peer: Peer) => void; readonly reject: (error: unknown) => void }[]
}

/** What the engine does with a peer's messages. */
export interface PeerHandler {
  online(peer: Peer): void
  offline(peer: Peer, reason: Error | undefined): void
  /** Frames wait in the inbox, or a connection takes more again. */
  frames(peer: Peer): void
  /** Whether a peer that is gone must be remembered. */
  knows(peer: Peer): boolean
}

export interface PeersOptions {
  readonly domain: Domain
  readonly signer: Address
  readonly owner: Address
  readonly transports: readonly Transport[]
  readonly clock: Clock
  readonly handler: PeerHandler
}

/** Messages without progress that a peer may send at once, and per second. */
const ALLOWANCE = 2_000
const REFILL = 200
/** Frames, and bytes of them, that may wait before a peer is held up. */
const MAX_INBOX = 1_024
const MAX_INBOX_BYTES = 8 << 20
/** Bytes of an address that is remembered. */
export const MAX_ADDRESS = 512
const RETRY_FIRST = 200
const RETRY_LAST = 30_000
/** Milliseconds that a peer may take for its first message. */
const GREETING = 10_000

/** Finds, greets and keeps peers. */
export class Peers {
  readonly all = new Map<Address, Peer>()
  readonly #options: PeersOptions
  readonly #ending = new AbortController()
  #stopped = false

  constructor(options: PeersOptions) {
    this.#options = options
  }

  peer(signer: Address): Peer {
    const known = this.all.get(signer)
    if (known) return known
    const peer: Peer = {
      signer,
      owner: undefined,
      connection: undefined,
      dialled: false,
      since: 0,
      online: false,
      wasOnline: false,
      address: undefined,
      inbox: [],
      inboxBytes: 0,
      held: false,
      full: false,
      allowance: ALLOWANCE,
      retry: { attempts: 0, at: 0, dialling: false },
      waiting: [],
    }
    this.all.set(signer, peer)
    return peer
  }

  /** One may wait for a peer that comes back by itself, not for one that nobody expects. Throws {@link PeerOfflineError}. */
  assertExpected(signer: Address): void {
    const peer = this.all.get(signer)
    if (!peer?.online && peer?.address === undefined && !peer?.wasOnline) throw new PeerOfflineError(signer)
  }

  /** Dials `address` and waits for the peer's greeting; from then on it is dialled again whenever it is lost. */
  async connect(address: string, options: { readonly peer?: Address; readonly signal?: AbortSignal }): Promise<Peer> {
    const transport = this.transportFor(address)
    const size = utf8ToBytes(address).length
    if (size > MAX_ADDRESS)
      throw new InvalidOptionError(
        'address',
        `An address of ${size} bytes is longer than ${MAX_ADDRESS}. Use a shorter one.`,
      )
    const here = [...this.all.values()].find((peer) => peer.online && peer.address === address)
    if (here && here.signer === (options.peer ?? here.signer)) return here
    const signal = AbortSignal.any([this.#ending.signal, ...(options.signal ? [options.signal] : [])])
    const connection = await transport.dial(address, { ...options, signal })
    const peer = this.peer(connection.peer)
    return new Promise((resolve, reject) => {
      const forget = onAbort(options.signal, reject)
      const settled = () => {
        forget()
        peer.address = address
        resolve(peer)
      }
      const failed = (error: unknown) => {
        forget()
        reject(error)
      }
      peer.waiting.push({ resolve: settled, reject: failed })
      this.adopt(connection, true)
    })
  }

  transportFor(address: string): Transport {
    const scheme = address.slice(0, address.indexOf(':') + 1)
    const found = this.#options.transports.find(({ schemes }) => schemes.includes(scheme))
    if (found) return found
    throw new UnknownSchemeError(
      address,
      this.#options.transports.flatMap(({ schemes }) => schemes),
    )
  }

  /** Takes a new connection, dialled or accepted. */
  adopt(connection: Connection, dialled: boolean): void {
    const peer = this.peer(connection.peer)
    if (this.#stopped) {
      connection.close()
      return
    }
    if (peer.connection && !this.#replaces(peer, dialled)) {
      connection.close()
      if (peer.online) this.#settle(peer)
      return
    }
    // Who waits for a greeting waits on for that of the new connection.
    const waiting = peer.waiting.splice(0)
    if (peer.connection) this.#drop(peer, undefined)
    peer.waiting.push(...waiting)
    renew(peer, connection)
    peer.dialled = dialled
    peer.since = this.#options.clock.elapsed()
    connection.onFrame = (frame) => this.#receive(peer, connection, frame)
    connection.onClose = (reason) => {
      // Whoever hangs up before it greets may have dialled at the same moment, and keep that connection.
      const isOther = reason === undefined && !peer.online
      if (peer.connection === connection) this.#drop(peer, reason, isOther)
    }
    const { domain, owner } = this.#options
    this.send(peer, { kind: 'hello', protocol: PROTOCOL_VERSION, domain, owner })
  }

  /** When both dialled at once both must keep the same connection: that of the lower signer. Else the newer is the living one. */
  #replaces(peer: Peer, dialled: boolean): boolean {
    if (peer.dialled === dialled) return true
    const dialler = dialled ? this.#options.signer : peer.signer
    return dialler < (dialled ? peer.signer : this.#options.signer)
  }

  send(peer: Peer, message: Message): void {
    const { connection } = peer
    if (!connection) return
    if (connection.send(encodeMessage(message)) || peer.full || peer.connection !== connection) return
    peer.full = true
    connection.drained().then(
      () => {
        if (peer.connection !== connection) return
        peer.full = false
        this.#options.handler.frames(peer)
      },
      () => {},
    )
  }

  #receive(peer: Peer, connection: Connection, frame: Uint8Array): void {
    if (peer.connection !== connection) return
    if (!peer.online) {
      this.#greet(peer, frame)
      return
    }
    peer.inbox.push(frame)
    peer.inboxBytes += frame.length
    if (!peer.held && (peer.inbox.length >= MAX_INBOX || peer.inboxBytes >= MAX_INBOX_BYTES)) {
      peer.held = true
      connection.pause()
    }
    this.#options.handler.frames(peer)
  }

  /** Takes the frames that wait; others' turns come in between. */
  take(peer: Peer): Uint8Array[] {
    const frames = peer.inbox.splice(0)
    peer.inboxBytes = 0
    if (peer.held) peer.connection?.resume()
    peer.held = false
    return frames
  }

  #greet(peer: Peer, frame: Uint8Array): void {
    try {
      const message = decodeMessage(frame)
      if (message.kind !== 'hello') throw new PeerViolationError('its first message is no hello')
      peer.owner = greet(message, this.#options.domain)
    } catch (error) {
      this.fail(peer, error as Error)
      return
    }
    peer.online = true
    peer.wasOnline = true
    peer.retry = { attempts: 0, at: 0, dialling: false }
    this.#options.handler.online(peer)
    this.#settle(peer)
  }

  #settle(peer: Peer): void {
    for (const { resolve } of peer.waiting.splice(0)) resolve(peer)
  }

  /** The peer broke a rule: nothing more of this connection counts. */
  fail(peer: Peer, error: Error): void {
    // It would only fail again; its operator needs time to repair it.
    peer.retry.at = this.#options.clock.elapsed() + RETRY_LAST
    this.#drop(peer, error)
  }

  /** @param isAwaited Another connection of it may come at once, and those who wait for its greeting wait on. */
  #drop(peer: Peer, reason: Error | undefined, isAwaited = false): void {
    const { connection, online } = peer
    renew(peer, undefined)
    connection?.close()
    if (!isAwaited) for (const { reject } of peer.waiting.splice(0)) reject(reason ?? new PeerOfflineError(peer.signer))
    if (online || reason) this.#options.handler.offline(peer, reason)
    // Strangers come and go, and must not fill the memory.
    if (!peer.address && peer.waiting.length === 0 && !this.#options.handler.knows(peer)) this.all.delete(peer.signer)
  }

  /** Refills allowances and dials again who was lost. */
  tick(): void {
    const now = this.#options.clock.elapsed()
    for (const peer of this.all.values()) {
      peer.allowance = Math.min(ALLOWANCE, peer.allowance + REFILL)
      if (peer.connection && !peer.online && now > peer.since + GREETING)
        this.fail(peer, new PeerViolationError('it does not greet'))
      if (!peer.connection && peer.waiting.length > 0 && now > peer.since + GREETING) this.#drop(peer, undefined)
      if (!peer.connection && peer.address && !peer.retry.dialling && now >= peer.retry.at) void this.#redial(peer)
    }
  }

  /** Hangs up and does not dial again. */
  disconnect(signer: Address): void {
    const peer = this.all.get(signer)
    if (!peer) return
    peer.address = undefined
    peer.wasOnline = false
    this.#drop(peer, undefined)
  }

  /** Counts a message that brought nothing; a flooding peer is cut off before it costs others their turn. */
  spend(peer: Peer, cost = 1): void {
    peer.allowance -= cost
    if (peer.allowance < 0) this.fail(peer, new PeerViolationError('it floods this node with messages'))
  }

  async #redial(peer: Peer): Promise<void> {
    const { retry, address } = peer
    retry.dialling = true
    try {
      const connection = await this.transportFor(address!).dial(address!, {
        peer: peer.signer,
        signal: this.#ending.signal,
      })
      if (peer.connection || this.#stopped) connection.close()
      else this.adopt(connection, true)
    } catch {
      // The peer is down; `offline` was told once, and each further attempt waits longer.
    } finally {
      retry.dialling = false
      retry.attempts++
      retry.at = this.#options.clock.elapsed() + Math.min(RETRY_LAST, RETRY_FIRST * 2 ** retry.attempts)
    }
  }

  stop(reason: Error): void {
    this.#stopped = true
    // A dial under way would keep the process alive until it times out.
    this.#ending.abort(reason)
    for (const peer of this.all.values()) {
      peer.address = undefined
      this.#drop(peer, undefined)
    }
  }
}

/** Nothing of one connection is left when the next one begins. */
function renew(peer: Peer, connection: Connection | undefined): void {
  Object.assign(peer, { connection, online: false, full: false, inboxBytes: 0, held: false })
  peer.inbox.length = 0
}
