/** A provider as it is answered: with how this node stands with its keys. */
import type { Context } from '../../kernel/context.ts'
import { type IdentityProvider, type ProviderRow, toProvider } from './identity-provider.ts'
import type { ProviderKeys } from './provider-keys.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly providerKeys: ProviderKeys
    /** Where the server is reached from outside, without a trailing slash; null: it was not said. */
    readonly publicUrl: string | null
  }
}

export function showProvider(ctx: Context, row: ProviderRow): Promise<IdentityProvider> {
  const { providerKeys, publicUrl } = ctx.services
  return toProvider(ctx.store, row, { keys: providerKeys.stateOf(row.provider_id), publicUrl })
}
