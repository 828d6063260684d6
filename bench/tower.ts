import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { randomBytes } from '@noble/hashes/utils.js'
import { toHex } from '../sdk/core/bytes.ts'
import type { Address, Channel, Domain } from '../sdk/core/types.ts'
import { sessionSigner } from '../sdk/signing/session.ts'
import type { SessionSigner } from '../sdk/signing/signer.ts'
import { tcpTransport } from '../sdk/transport/tcp.ts'
import type { Connection } from '../sdk/transport/transport.ts'
import { BODY_SIZE } from '../sdk/watchtower/appointment.ts'
import { type SignedAppointment, TOWER_PROTOCOL_VERSION, type TowerMessage } from '../sdk/watchtower/messages.ts'
import { contentOf, orderDigest } from '../sdk/watchtower/receipt.ts'
import type { TowerSpec } from '../sdk/watchtower/spec.ts'
import { decodeTowerMessage, encodeTowerMessage, MAX_APPOINTMENTS } from '../sdk/watchtower/wire.ts'
import { Daemon, metric } from '../test/scenarios/daemon.ts'
import { pause, Stage } from '../test/scenarios/stage.ts'
import { Watch } from '../test/scenarios/watch.ts'
import { until } from '../test/until.ts'

// `tallystick tower` as a process of its own: how many appointments a second it takes over TCP, durable and with a receipt each; what
// a watched ledger costs it; and how long it takes to answer disputes that begin in one block of a real chain process.

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    appointments: { type: 'string', default: '20000' },
    disputes: { type: 'string', default: '100' },
  },
})
const [APPOINTMENTS, DISPUTES] = [Number(values.appointments), Number(values.disputes)]
const CLIENTS = 8

/** A client that sends frames made beforehand, so that its own work is not measured. */
class Client {
  readonly #connection: Connection
  #heard: (message: TowerMessage) => void = () => {}

  private constructor(connection: Connection) {
    this.#connection = connection
    connection.onFrame = (frame) => this.#heard(decodeTowerMessage(frame))
  }

  static async dial(signer: SessionSigner, { tower, address }: TowerSpec, domain: Domain): Promise<Client> {
    const client = new Client(await tcpTransport({ signer }).dial(address, { peer: tower }))
    const greeting = encodeTowerMessage({ kind: 'greet', protocol: TOWER_PROTOCOL_VERSION, domain })
    await client.#ask(greeting, 'offer')
    return client
  }

  /** Sends one frame after the other; answers how many receipts came. */
  async send(frames: readonly Uint8Array[]): Promise<number> {
    let receipts = 0
    for (const frame of frames) receipts += (await this.#ask(frame, 'receipts')).receipts.length
    return receipts
  }

  #ask<K extends TowerMessage['kind']>(frame: Uint8Array, kind: K): Promise<Extract<TowerMessage, { kind: K }>> {
    return new Promise((resolve, reject) => {
      this.#heard = (message) => {
        if (message.kind === kind) resolve(message as Extract<TowerMessage, { kind: K }>)
        else if (message.kind !== 'greet') reject(new Error(`The tower answers "${message.kind}" and not "${kind}".`))
      }
      this.#connection.send(frame)
    })
  }

  close(): void {
    this.#connection.close()
  }
}

/** Sealed appointments look like chance to the tower until a dispute, so these are chance. */
function framesOf(signer: SessionSigner, tower: Address, domain: Domain, count: number): Uint8Array[] {
  const appointments = Array.from({ length: count }, (): SignedAppointment => {
    const [locator, body] = [toHex(randomBytes(32)), randomBytes(BODY_SIZE)]
    const appointment = { locator, sequence: 1n, worth: 10, sealed: true, body }
    const order = { locator, sequence: 1n, content: contentOf(appointment) }
    return { ...appointment, signature: signer.sign(orderDigest(domain, tower, order)) }
  })
  return Array.from({ length: Math.ceil(count / MAX_APPOINTMENTS) }, (_, index) => {
    const some = appointments.slice(index * MAX_APPOINTMENTS, (index + 1) * MAX_APPOINTMENTS)
    return encodeTowerMessage({ kind: 'appoint', appointments: some })
  })
}

interface Tower {
  readonly spec: TowerSpec
  readonly metrics: string
  readonly store: string
}

const memory = async ({ metrics }: Tower): Promise<number> => (await metric(metrics, 'process_resident_memory_bytes'))!
const sizeOf = ({ store }: Tower): number =>
  ['', '-wal'].reduce((sum, end) => sum + (statSync(store + end, { throwIfNoEntry: false })?.size ?? 0), 0)

/** Receipts a second, and what each ledger costs in bytes. */
async function intake(tower: Tower, domain: Domain) {
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const signer = sessionSigner(randomBytes(32))
      const frames = framesOf(signer, tower.spec.tower, domain, Math.ceil(APPOINTMENTS / CLIENTS))
      return { client: await Client.dial(signer, tower.spec, domain), frames }
    }),
  )
  const before = { rss: await memory(tower), disk: sizeOf(tower) }
  const start = performance.now()
  const receipts = (await Promise.all(clients.map(({ client, frames }) => client.send(frames)))).reduce((a, b) => a + b)
  const elapsed = performance.now() - start
  for (const { client } of clients) client.close()
  const held = await metric(tower.metrics, 'tallystick_tower_ledgers')
  if (held !== receipts) throw new Error(`The tower gave ${receipts} receipts and holds ${held} appointments.`)
  return {
    appointments: receipts,
    perSecond: (1_000 * receipts) / elapsed,
    memory: ((await memory(tower)) - before.rss) / receipts,
    disk: (sizeOf(tower) - before.disk) / receipts,
  }
}

/** Seconds from the block with all challenges until the last answer is mined; each answer is mined as it comes. */
async function answers(stage: Stage, watch: Watch, tower: Tower) {
  const channels: Channel[] = []
  for (let index = 0; index < DISPUTES; index++) channels.push(await watch.channel(3_600))
  await watch.appoint(
    [tower.spec],
    channels.map((channel) => watch.evidence(channel, [5n, 7n])),
  )
  await stage.chain.rpc('evm_setAutomine', false)
  const [wallet, to] = [stage.wallet('mallory'), stage.chain.adjudicator]
  const nonce = await wallet.getNonce()
  for (const [index, channel] of channels.entries()) {
    const data = watch.submission(channel, [2n, 0n])
    await wallet.sendTransaction({ to, data, nonce: nonce + index, gasLimit: 300_000n })
  }
  const start = performance.now()
  await stage.chain.mine()
  await stage.chain.rpc('evm_setAutomine', true)
  const answered = 'tallystick_tower_events_total{kind="answered"}'
  await until(async () => {
    await pause(50)
    return (await metric(tower.metrics, answered)) === DISPUTES
  }, 600_000)
  const seconds = (performance.now() - start) / 1_000
  for (const channel of channels) {
    const recorded = await watch.recorded(watch.ledger(channel).channelId)
    if (`${recorded}` !== '5,7') throw new Error(`A dispute was answered with ${recorded} and not with 5,7.`)
  }
  const gas = (await metric(tower.metrics, 'tallystick_tower_gas_used_total'))!
  return { disputes: DISPUTES, seconds, gasEach: gas / DISPUTES }
}

function launch(stage: Stage): Daemon {
  const file = (name: string) => join(stage.folder, name)
  writeFileSync(file('key'), stage.chain.wallet(4).privateKey)
  const options = {
    rpc: stage.chain.url,
    adjudicator: stage.chain.adjudicator,
    'key-file': file('key'),
    store: file('tower.sqlite'),
    listen: 'tcp://127.0.0.1:0',
    metrics: '127.0.0.1:0',
    'per-client': `${APPOINTMENTS + DISPUTES}`,
  }
  return new Daemon(['tower', ...Object.entries(options).flatMap(([option, value]) => [`--${option}`, value])])
}

const stage = await Stage.build('--gas-limit', '1000000000')
const daemon = launch(stage)
try {
  const spec = ((await daemon.said('watching')).towers as TowerSpec[])[0]!
  const metrics = (await daemon.said('metrics')).metrics as string
  const tower = { spec, metrics, store: join(stage.folder, 'tower.sqlite') }
  const taken = await intake(tower, stage.domain)
  console.log(
    `${taken.appointments} appointments of ${CLIENTS} clients: ${Math.round(taken.perSecond)} a second; each ${Math.round(taken.memory)} bytes of memory, ${Math.round(taken.disk)} of disk`,
  )
  const given = await answers(stage, new Watch(stage), tower)
  console.log(
    `${given.disputes} disputes of one block: answered in ${given.seconds.toFixed(1)} s, ${Math.round(given.gasEach)} gas each`,
  )
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ intake: taken, answers: given }, null, 2)}\n`)
} finally {
  await daemon.stop('SIGKILL')
  await stage.close()
}
