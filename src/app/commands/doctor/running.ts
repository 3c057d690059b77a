import type { Config } from '#config'
import { isJsonObject, stringAt } from '#spec'
import { reasonOf } from '../../host/start-error.ts'
import { type Ask, askAt, NobodyThere } from '../../operator/ask.ts'
import { socketPathOf } from '../../operator/socket-path.ts'
import { type DoctorFinding, Findings } from './finding.ts'
import { isLocal } from './outside.ts'

/** The server that runs on the data folder, and whether others find it. */
export const examineRunning = async (config: Config): Promise<readonly DoctorFinding[]> => {
  const findings = new Findings('server')
  try {
    const ask = askAt(await socketPathOf(config.storage.dataFolder))
    const name = stringAt(await ask('server'), 'server_name') ?? ''
    findings.good(`${name} runs`)
    return [...findings.all, ...(await examineFederation(config, ask))]
  } catch (error) {
    if (error instanceof NobodyThere)
      findings.note(
        'no server runs on this data folder',
        'Start it, and run this again: only then can its way from outside be seen.',
      )
    else
      findings.bad(
        `the server cannot be asked: ${reasonOf(error)}`,
        'Run this as the same user, with the same settings.',
      )
    return findings.all
  }
}

const examineFederation = async (config: Config, ask: Ask): Promise<readonly DoctorFinding[]> => {
  const federation = new Findings('federation')
  if (!config.federation.enabled) {
    federation.good('it is switched off')
    return federation.all
  }
  if (isLocal(config.server.name)) {
    federation.good('a server named localhost is found by nobody else')
    return federation.all
  }
  const answer = await ask('check-federation', { server: config.server.name })
  const steps = Array.isArray(answer.findings) ? answer.findings.filter(isJsonObject) : []
  for (const step of steps) {
    const text = stringAt(step, 'text') ?? ''
    if (step.ok === true) federation.good(text)
    else federation.bad(text, 'docs/running.md, "Other homeservers", says how others find this one.')
  }
  const { destinations } = await ask('list-destinations', {})
  const all = Array.isArray(destinations) ? destinations.filter(isJsonObject) : []
  const failing = all.filter(({ failures }) => typeof failures === 'number' && failures > 0)
  if (all.length > 0 && failing.length === all.length)
    federation.bad(
      `none of ${all.length} other servers takes what is sent`,
      'See "list-destinations", and check-federation with one of them.',
    )
  else if (all.length > 0)
    federation.good(`${all.length - failing.length} of ${all.length} other servers take what is sent`)
  return federation.all
}
