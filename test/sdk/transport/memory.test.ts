import { type MemoryNetwork, type MemoryWire, memoryTransport, wirePair } from '../../../sdk/transport/memory.ts'
import { Raw } from '../../conformance/raw.ts'
import { transportConformance } from '../../conformance/transport.ts'

function rawOver(wire: MemoryWire): Raw {
  const raw = new Raw({
    write: (bytes) => void wire.write([bytes]),
    pause: () => wire.pause(),
    destroy: () => wire.destroy(),
  })
  wire.onData = (chunk) => raw.arrived(chunk)
  wire.onEnd = () => raw.ended()
  wire.resume()
  return raw
}

transportConformance('Memory', () => {
  const network: MemoryNetwork = new Map()
  return {
    transport: (options) => memoryTransport({ ...options, network }),
    address: 'memory:bob',
    nobody: async () => 'memory:nobody',
    badAddresses: ['', 'memory:', 'tcp://127.0.0.1:1', 'bob'],
    async dialRaw(address) {
      const [near, far] = wirePair(address)
      network.get(address)!(far)
      return rawOver(near)
    },
    async listenRaw(accept) {
      network.set('memory:raw', (wire) => accept(rawOver(wire)))
      return { address: 'memory:raw', close: async () => void network.delete('memory:raw') }
    },
  }
})
