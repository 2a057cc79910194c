/**
 * Who we are to AWS: the access key that our settings name; else the role that AWS has given to this
 * process, told by variables that AWS, its agents and its webhooks set. In the order of AWS's own
 * programs: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
import type { AwsRole } from '../secrets/aws-role.ts'
import { isLoopback } from './loopback.ts'

type Variables = Readonly<Record<string, string | undefined>>

/** Where AWS keeps what only this machine may ask for, and where containers do. */
const machine = { IPv4: 'http://169.254.169.254', IPv6: 'http://[fd00:ec2::254]' } as const
const containers = 'http://169.254.170.2'
const containerHosts: readonly string[] = ['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]']

/** Where this process is lent credentials. Nothing is read or asked here. */
export function awsRoleOf(variables: Variables, region: string): AwsRole {
  const given = (name: string): string | null => variables[name] || null
  return webIdentity(given, region) ?? container(given) ?? instance(given)
}

type Given = (name: string) => string | null

function none(reason: string): AwsRole {
  return { kind: 'none', reason }
}

function webIdentity(given: Given, region: string): AwsRole | null {
  const tokenFile = given('AWS_WEB_IDENTITY_TOKEN_FILE')
  if (tokenFile === null) return null
  const roleArn = given('AWS_ROLE_ARN')
  const sessionName = given('AWS_ROLE_SESSION_NAME') ?? 'locket'
  if (roleArn === null) return none('AWS_ROLE_ARN is not set')
  const url = given('AWS_ENDPOINT_URL_STS')?.replace(/\/+$/, '')
  if (url !== undefined && !isSafe(url, [])) return none('AWS_ENDPOINT_URL_STS: not https')
  const usual = `https://sts.${region}.${awsDomainOf(region)}`
  return { kind: 'web-identity', url: url ?? usual, roleArn, sessionName, tokenFile }
}

/** What is said goes by https, to this machine, or to where AWS's own programs would say it. */
function container(given: Given): AwsRole | null {
  const path = given('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI')
  const url = path === null ? given('AWS_CONTAINER_CREDENTIALS_FULL_URI') : containers + path
  if (url === null) return null
  if (!isSafe(url, containerHosts))
    return none('AWS_CONTAINER_CREDENTIALS_…: not an address of AWS')
  const file = given('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE')
  const text = given('AWS_CONTAINER_AUTHORIZATION_TOKEN')
  const shown = text === null ? null : { text }
  return { kind: 'container', url, authorization: file === null ? shown : { file } }
}

function instance(given: Given): AwsRole {
  if (given('AWS_EC2_METADATA_DISABLED')?.toLowerCase() === 'true') {
    return none('no access key, and no role')
  }
  const named = given('AWS_EC2_METADATA_SERVICE_ENDPOINT')?.replace(/\/+$/, '')
  const hosts = Object.values(machine).map((url) => new URL(url).hostname)
  if (named !== undefined && !isSafe(named, hosts)) {
    return none('AWS_EC2_METADATA_SERVICE_ENDPOINT: not an address of AWS')
  }
  const isNewer = given('AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE')?.toLowerCase() === 'ipv6'
  return { kind: 'instance', url: named ?? machine[isNewer ? 'IPv6' : 'IPv4'] }
}

function isSafe(text: string, plainHosts: readonly string[]): boolean {
  const url = URL.parse(text)
  if (url?.username !== '' || url.password !== '' || url.hash !== '') return false
  if (url.protocol === 'https:') return true
  const isNear = isLoopback(url.hostname) || plainHosts.includes(url.hostname)
  return url.protocol === 'http:' && isNear
}

export function awsDomainOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
}
