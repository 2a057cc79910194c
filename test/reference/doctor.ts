/** docs/reference/doctor.md, made from the list of checks that `locket doctor` goes through. */
import { checks } from '../../src/doctor/checks.ts'
import { code, type Page, page, table } from './markdown.ts'

export function doctorPage(): Page {
  const rows = checks.map(({ id, about, warns, fails, unknown }) => [
    code(id),
    about,
    ...[warns, fails, unknown].map((when) => when ?? 'never'),
  ])
  return page('doctor.md', 'Doctor', [
    'What `locket doctor` looks at, in the order of its report. Ids are stable. Each check is `pass`, ' +
      '`warn`, `fail` or `unknown`; any of them is also `unknown` when looking failed or took longer than ' +
      '10 seconds. The exit code is 1 when one fails, else 0. How it is used is in ' +
      '[the guide](../guides/doctor.md).',
    table(['check', 'what it looks at', 'warns', 'fails', 'unknown'], rows),
  ])
}
