/** Settings that are secrets, and those that say where secrets are kept. */
import { z } from 'zod'
import {
  localReferenceShape,
  looksLikeReference,
  ownVariable,
  parseReference,
  type Reference,
  referenceShape,
} from '../secrets/reference.ts'
import { vaultLogins } from '../secrets/vault.ts'
import { hidden, type Setting, setting } from './setting.ts'
import {
  BaseUrl,
  LocalSecretReference,
  Path,
  read,
  SecretReference,
  wholeNumber,
} from './shapes.ts'

interface Secretive {
  readonly flag: string
  readonly env: string
  readonly default?: string
  readonly fallback?: string
  readonly description: string
}

/**
 * A setting whose value is a secret: what is given is where that is. All else follows: it is read at
 * the start, kept fresh, shown by `config show` as it was given, and looked at by `locket doctor`.
 */
export function secretSetting(declared: Secretive): Setting<Reference> {
  const shape = { expects: referenceShape, schema: SecretReference }
  return setting({ default: null, mask: referenceOnly, ...shape, ...declared })
}

/** The same, for what is needed before Vault or AWS can be asked. */
function localSecretSetting(declared: Secretive): Setting<Reference> {
  const shape = { expects: localReferenceShape, schema: LocalSecretReference }
  return setting({ default: null, mask: referenceOnly, ...shape, ...declared })
}

interface OwnSecret {
  readonly env: string
  readonly expects: string
  readonly description: string
  readonly isSecret: (text: string) => boolean
}

/**
 * A secret that may also stand in its variable itself. It has no flag, which every process of the
 * machine could see, and no key in the file.
 */
export function ownSecretSetting({
  env,
  expects,
  isSecret,
  ...rest
}: OwnSecret): Setting<Reference> {
  const referenceOf = (text: string): Reference | null => {
    if (looksLikeReference(text)) return parseReference(text)
    return isSecret(text) ? ownVariable(env) : null
  }
  return setting({
    ...rest,
    flag: null,
    env,
    expects: `${expects}; or ${referenceShape}`,
    default: null,
    mask: referenceOnly,
    schema: read(referenceOf),
  })
}

/** A reference tells nothing; what is none may be the secret. */
function referenceOnly(text: string): string {
  return parseReference(text) === null ? hidden() : text
}

/** Where secrets are kept, how we are let in, and how often they are read anew. */
export const secretSources = {
  vaultAddress: setting({
    flag: 'vault-address',
    env: 'LOCKET_VAULT_ADDRESS',
    expects: 'an https URL as browsers write it, or http: on this machine',
    default: null,
    description:
      'The HashiCorp Vault or OpenBao that vault:// leads to; it may be on a private network.',
    schema: BaseUrl,
  }),
  vaultCa: setting({
    flag: 'vault-ca',
    env: 'LOCKET_VAULT_CA',
    expects: 'a file',
    default: null,
    fallback: 'the authorities that Node trusts',
    description: 'The authority (PEM) that has signed the certificate of the Vault.',
    schema: Path,
  }),
  vaultNamespace: setting({
    flag: 'vault-namespace',
    env: 'LOCKET_VAULT_NAMESPACE',
    expects: 'a namespace such as team/locket',
    default: null,
    description: 'The namespace of the Vault that the secrets are in.',
    schema: z.string().regex(/^[A-Za-z0-9._/-]{1,256}$/),
  }),
  vaultLogin: setting({
    flag: 'vault-login',
    env: 'LOCKET_VAULT_LOGIN',
    expects: `one of ${vaultLogins.join(', ')}`,
    default: 'token',
    description: 'What we come to the Vault with: a token, or what it gives one for.',
    schema: z.enum(vaultLogins),
  }),
  vaultRole: setting({
    flag: 'vault-role',
    env: 'LOCKET_VAULT_ROLE',
    expects: 'a role of kubernetes, or the role id of an AppRole',
    default: null,
    description: 'Whom we log in to the Vault as; not for a token.',
    schema: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/),
  }),
  vaultCredential: localSecretSetting({
    flag: 'vault-credential',
    env: 'LOCKET_VAULT_CREDENTIAL',
    description: 'The token; of kubernetes the service account’s token, of approle the secret id.',
  }),
  awsRegion: setting({
    flag: 'aws-region',
    env: 'LOCKET_AWS_REGION',
    expects: 'a region such as eu-central-1',
    default: null,
    description: 'The region of the AWS Secrets Manager that aws-sm:// leads to.',
    schema: z.string().regex(/^[a-z]{2}(-[a-z]{2,12}){1,3}-\d{1,2}$/),
  }),
  awsEndpoint: setting({
    flag: 'aws-endpoint',
    env: 'LOCKET_AWS_ENDPOINT',
    expects: 'an https URL as browsers write it, or http: on this machine',
    default: null,
    fallback: 'that of the region',
    description: 'Where the Secrets Manager is, if not at the address of its region.',
    schema: BaseUrl,
  }),
  awsAccessKeyId: localSecretSetting({
    flag: 'aws-access-key-id',
    env: 'LOCKET_AWS_ACCESS_KEY_ID',
    default: 'env:AWS_ACCESS_KEY_ID',
    description:
      'The id of the access key for AWS; where its variable is missing, the role of this machine, container or service account is asked for.',
  }),
  awsSecretAccessKey: localSecretSetting({
    flag: 'aws-secret-access-key',
    env: 'LOCKET_AWS_SECRET_ACCESS_KEY',
    default: 'env:AWS_SECRET_ACCESS_KEY',
    description: 'The access key for AWS.',
  }),
  awsSessionToken: localSecretSetting({
    flag: 'aws-session-token',
    env: 'LOCKET_AWS_SESSION_TOKEN',
    description: 'The session token, where the access key is a temporary one.',
  }),
  secretsRefresh: setting({
    flag: 'secrets-refresh',
    env: 'LOCKET_SECRETS_REFRESH',
    expects: 'whole seconds from 10 to 86400',
    kind: 'number',
    default: '300',
    description: 'How often secrets of Vault and AWS are read anew, in seconds.',
    schema: wholeNumber(10, 86_400),
  }),
}
