import { serve } from '../hub/ipc.ts'
import { type Place, Player } from './player.ts'

// A player in a process of its own.

const player = await Player.start(JSON.parse(process.argv[2]!) as Place)

serve({
  address: () => player.node.address,
  listen: player.listen,
  open: player.open,
  connect: async (address: string) => void (await player.connect(address)),
  known: (wanted: Parameters<Player['known']>[0]) => player.known(wanted),
  play: (game: Parameters<Player['play']>[0]) => player.play(game),
  payVirtually: (load: Parameters<Player['payVirtually']>[0]) => player.payVirtually(load),
  payDirectly: (load: Parameters<Player['payDirectly']>[0]) => player.payDirectly(load),
  stop: () => player.stop(),
})
