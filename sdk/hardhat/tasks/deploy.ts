import { deploy, deployerOf, deployOnce } from '../deploying.ts'
import { action } from '../run.ts'
import { saveDeployment } from '../scene.ts'

/** Deploys registry and adjudicator with the network's first account; on a second call it only fills in what is missing. */
export default action(async ({ token }: { readonly token: boolean }, scene) => {
  let { saved, isNew } = await deployOnce(scene)
  if (!isNew) console.log('The contracts are there already.')
  if (token && !saved.token) {
    saved = { ...saved, token: await deploy(scene, await deployerOf(scene), 'DemoToken', 10n ** 24n) }
    saveDeployment(scene, saved)
  }
  console.log(`  adjudicator ${saved.adjudicator}\n  registry    ${saved.registry}`)
  if (saved.token) console.log(`  token       ${saved.token}`)
  return saved
})
