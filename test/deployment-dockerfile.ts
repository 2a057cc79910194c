/**
 * The rules that hadolint holds a Dockerfile to, as far as they concern ours; hadolint itself is a
 * binary that neither Debian nor npm has. Its numbers stand beside them.
 */

export interface Instruction {
  /** In the file, from 1. */
  readonly line: number
  /** `FROM`, `RUN`, in capitals. */
  readonly name: string
  /** What follows, continued lines put together. */
  readonly value: string
}

/** Takes a Dockerfile apart, comments left out. */
export function parseDockerfile(text: string): readonly Instruction[] {
  const instructions: { line: number; text: string }[] = []
  let isOpen = false
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue
    const part = line.replace(/\\\s*$/, '').trim()
    const last = instructions.at(-1)
    if (isOpen && last) last.text += ` ${part}`
    else instructions.push({ line: at + 1, text: part })
    isOpen = /\\\s*$/.test(line)
  }
  return instructions.map(({ line, text: whole }) => {
    const [, name = '', value = ''] = /^(\w+)\s*(.*)$/.exec(whole) ?? []
    return { line, name: name.toUpperCase(), value }
  })
}

/** The value of an instruction in its exec form; null where a shell would be asked. */
export function execForm(value: string): readonly string[] | null {
  try {
    const words: unknown = JSON.parse(value)
    return Array.isArray(words) && words.every((word) => typeof word === 'string') ? words : null
  } catch {
    return null
  }
}

/** The instructions of the last stage, which is what runs. */
export function lastStage(instructions: readonly Instruction[]): readonly Instruction[] {
  return instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'))
}

/** `NAME=value` of all ENV instructions of a stage. */
export function environmentOf(stage: readonly Instruction[]): Readonly<Record<string, string>> {
  const words = stage
    .filter(({ name }) => name === 'ENV')
    .flatMap(({ value }) => value.split(/\s+/))
  return Object.fromEntries(words.map((word) => word.split(/=(.*)/s).slice(0, 2)))
}

interface Rule {
  readonly why: string
  readonly breaches: (instructions: readonly Instruction[]) => readonly Instruction[]
}

const named = (all: readonly Instruction[], ...names: readonly string[]) =>
  all.filter(({ name }) => names.includes(name))

const commandOf = ({ name, value }: Instruction): string =>
  name === 'HEALTHCHECK' ? value.replace(/^(--\S+\s+)*CMD\s+/, '') : value

/** All but the first of each name: Docker would silently take the last. */
const repeated = (all: readonly Instruction[]) =>
  all.filter(({ name }, at) => all.findIndex((one) => one.name === name) < at)

const rules: readonly Rule[] = [
  {
    why: 'a base image has an exact tag or digest (DL3006, DL3007)',
    breaches: (all) =>
      named(all, 'FROM').filter(({ value }) => {
        const [image = ''] = value.split(/\s+/)
        return !/(:[\w.-]+|@sha256:[0-9a-f]{64})$/.test(image) || image.endsWith(':latest')
      }),
  },
  {
    why: 'stages have different names, and files are copied from one that exists (DL3022, DL3024)',
    breaches: (all) => {
      const stages = named(all, 'FROM').map(({ value }) => / AS (\S+)$/i.exec(value)?.[1] ?? '')
      return [
        ...named(all, 'COPY').filter(({ value }) => {
          const [, from] = /--from=(\S+)/.exec(value) ?? []
          return from !== undefined && !stages.includes(from)
        }),
        ...named(all, 'FROM').filter((_, at) => stages[at] && stages.indexOf(stages[at]) < at),
      ]
    },
  },
  {
    why: 'files come by COPY, not by ADD; nobody is a MAINTAINER (DL3020, DL4000)',
    breaches: (all) => named(all, 'ADD', 'MAINTAINER'),
  },
  {
    why: 'directories of work are absolute (DL3000)',
    breaches: (all) => named(all, 'WORKDIR').filter(({ value }) => !value.startsWith('/')),
  },
  {
    why: 'what starts has no shell before it, which would keep signals from it (DL3025)',
    breaches: (all) =>
      named(all, 'CMD', 'ENTRYPOINT', 'HEALTHCHECK').filter((one) => !execForm(commandOf(one))),
  },
  {
    why: 'one of each of those (DL3012, DL4003, DL4004)',
    breaches: (all) => repeated(named(lastStage(all), 'CMD', 'ENTRYPOINT', 'HEALTHCHECK')),
  },
  {
    why: 'the last user is a number other than 0 (DL3002)',
    breaches: (all) => {
      const users = named(lastStage(all), 'USER')
      const last = users.at(-1)
      const isRight = last && /^[1-9]\d*:[1-9]\d*$/.test(last.value)
      return isRight ? [] : [last ?? { line: 0, name: 'USER', value: 'none' }]
    },
  },
  {
    why: 'packages come from lockfiles alone (DL3008, DL3016, DL3018)',
    breaches: (all) =>
      named(all, 'RUN').filter(({ value }) =>
        /\b(npm (i|install|add)|npx|apt|apt-get|apk|curl|wget)\b/.test(value),
      ),
  },
  {
    why: 'no sudo, no cd, no pipe whose fault would be lost (DL3003, DL3004, DL4006)',
    breaches: (all) => named(all, 'RUN').filter(({ value }) => /\bsudo\b|\bcd |\|/.test(value)),
  },
  {
    why: 'steps that belong together are one (DL3059)',
    breaches: (all) => all.filter(({ name }, at) => name === 'RUN' && all[at - 1]?.name === 'RUN'),
  },
  {
    why: 'no secret is baked in: it would be in every copy of the image',
    breaches: (all) =>
      named(all, 'ENV', 'ARG').filter(({ value }) =>
        /(PASSWORD|SECRET|TOKEN|_KEY)(?!_FILE)\w*(=|\s|$)/.test(value),
      ),
  },
]

/** Where a Dockerfile breaks a rule: `4: RUN: why`. */
export function dockerfileBreaches(text: string): readonly string[] {
  const instructions = parseDockerfile(text)
  return rules.flatMap(({ why, breaches }) =>
    breaches(instructions).map(({ line, name }) => `${line}: ${name}: ${why}`),
  )
}
