import { connect } from 'node:net'
import { expect } from 'chai'
import { toBytes } from '../../../sdk/core/bytes.ts'
import { TransportError } from '../../../sdk/transport/errors.ts'
import { tcpTransport } from '../../../sdk/transport/tcp.ts'
import type { Connection } from '../../../sdk/transport/transport.ts'
import { alice, bob, transportConformance } from '../../conformance/transport.ts'
import { dialTcp, freePort, listenTcp, rawOver } from './sockets.ts'

transportConformance('TCP', () => ({
  transport: tcpTransport,
  address: 'tcp://127.0.0.1:0',
  nobody: async () => `tcp://127.0.0.1:${await freePort()}`,
  badAddresses: [
    '',
    '127.0.0.1:7000',
    'http://127.0.0.1:1',
    'tcp://127.0.0.1',
    'tcp://:7000',
    'tcp://127.0.0.1:99999',
    'tcp://a:1/x',
  ],
  dialRaw: (address) => dialTcp(Number(new URL(address).port)),
  async listenRaw(accept) {
    const server = await listenTcp((socket) => accept(rawOver(socket)))
    return { address: `tcp://127.0.0.1:${server.port}`, close: server.close }
  },
}))

describe('TCP transport', () => {
  it('shows a listener in the middle neither who talks nor what is said', async () => {
    const accepted: Connection[] = []
    const listener = await tcpTransport({ signer: bob }).listen('tcp://127.0.0.1:0', (connection) =>
      accepted.push(connection),
    )
    const overheard: Buffer[] = []
    const proxy = await listenTcp((socket) => {
      const onward = connect({ host: '127.0.0.1', port: Number(new URL(listener.address).port) })
      socket.on('data', (chunk) => overheard.push(chunk)).pipe(onward)
      socket.on('close', () => onward.destroy())
      onward.on('data', (chunk) => overheard.push(chunk)).pipe(socket)
    })
    const connection = await tcpTransport({ signer: alice }).dial(`tcp://127.0.0.1:${proxy.port}`, {
      peer: bob.address,
    })
    const secret = Buffer.from('one thousand to carol, and not a word to anybody')
    while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const heard = new Promise<Uint8Array>((resolve) => {
      accepted[0]!.onFrame = resolve
    })
    connection.send(secret)
    expect(Buffer.from(await heard).equals(secret)).to.equal(true)
    const all = Buffer.concat(overheard)
    expect(all.length).to.be.above(300)
    for (const hidden of [secret, secret.subarray(0, 8), toBytes(alice.address), toBytes(bob.address)])
      expect(all.includes(Buffer.from(hidden))).to.equal(false)
    connection.close()
    await proxy.close()
    await listener.close()
  })

  it('refuses a host that does not exist', async () => {
    const error = await tcpTransport({ signer: alice })
      .dial('tcp://nobody.invalid:7000')
      .catch((reason) => reason)
    expect(error).to.be.instanceOf(TransportError)
    expect(error.code).to.equal('UNKNOWN_HOST')
  })

  it('listens on IPv6 addresses, where there are any', async function () {
    const transport = tcpTransport({ signer: bob })
    const listener = await transport.listen('tcp://[::1]:0', (connection) => connection.close()).catch(() => undefined)
    if (!listener) return this.skip()
    expect(listener.address).to.match(/^tcp:\/\/\[::1\]:\d+$/)
    const connection = await tcpTransport({ signer: alice }).dial(listener.address)
    await new Promise<unknown>((resolve) => {
      connection.onFrame = () => {}
      connection.onClose = resolve
    })
    await listener.close()
  })

  it('S15 hands a Tallystick listener to no web browser', async () => {
    const rejected: TransportError[] = []
    const listener = await tcpTransport({ signer: bob, onReject: (error) => rejected.push(error) }).listen(
      'tcp://127.0.0.1:0',
      () => {},
    )
    const failed = await fetch(listener.address.replace('tcp:', 'http:')).catch((error) => error)
    expect(failed).to.be.instanceOf(TypeError)
    expect(rejected[0]?.code).to.equal('NOT_TALLYSTICK')
    await listener.close()
  })

  it('frees its port at once', async () => {
    const transport = tcpTransport({ signer: bob })
    const listener = await transport.listen('tcp://127.0.0.1:0', () => {})
    await listener.close()
    const again = await transport.listen(listener.address, () => {})
    expect(again.address).to.equal(listener.address)
    await again.close()
  })
})
